"""Settings: defaults, the settings file, a saved configuration, an agent's profile, `MEMBROWSE_*`.

Each layer overrides those before it; the profile is used with `--agent` alone.

Every value that shapes a ranking is a setting; there are no hidden constants. A variable names
section and key: `MEMBROWSE_FUSION_WEIGHT=0.6`. Its value is TOML (`true`, `3`, `["*.md"]`), else a
plain string. A saved configuration changes only settings that do not shape the index.
"""

from membrowse.settings.loader import PREFIX, SettingsError, load
from membrowse.settings.origins import (
    DEFAULT,
    Configured,
    configured,
    fixed_keys,
    is_set,
    with_profile,
)
from membrowse.settings.overrides import flat, overridden
from membrowse.settings.values import (
    AgentSettings,
    CollectionSettings,
    DateReading,
    EncoderSettings,
    EngineSettings,
    FieldWeights,
    FusionMethod,
    FusionSettings,
    KeywordSettings,
    NotesSettings,
    PinsSettings,
    Precision,
    RerankMethod,
    RerankSettings,
    RootSettings,
    Settings,
    StoreKind,
    StoreSettings,
    StoresSettings,
    UiSettings,
    VectorIndex,
    VectorSettings,
)

__all__ = [
    "DEFAULT",
    "PREFIX",
    "AgentSettings",
    "CollectionSettings",
    "Configured",
    "DateReading",
    "EncoderSettings",
    "EngineSettings",
    "FieldWeights",
    "FusionMethod",
    "FusionSettings",
    "KeywordSettings",
    "NotesSettings",
    "PinsSettings",
    "Precision",
    "RerankMethod",
    "RerankSettings",
    "RootSettings",
    "Settings",
    "SettingsError",
    "StoreKind",
    "StoreSettings",
    "StoresSettings",
    "UiSettings",
    "VectorIndex",
    "VectorSettings",
    "configured",
    "fixed_keys",
    "flat",
    "is_set",
    "load",
    "overridden",
    "with_profile",
]
