"""Encodings: UTF-8, what a setting names, or a guess that is reported."""

from __future__ import annotations

from random import Random

import pytest

from membrowse.notes.encodings import DAMAGED_UTF8, Decoded, decode
from membrowse.notes.not_indexable import NotIndexable
from membrowse.settings import NotesSettings
from membrowse.wire.notes import NoteState

TEXTS = {
    "fr": "Le café est fermé à midi. L'été, on préfère la terrasse près de l'église.",
    "one word": "The café is closed at noon, ask Ida for the key.",
    "de": "Der Schlüssel für die Tür liegt unter der Fußmatte, größere Pakete bei Frau Müller.",
    "quotes": "The maintainer said “never on Fridays” – and that’s final.",
    "es": "¿Dónde está la llave del cajón? Mañana viene el señor Núñez a las ocho.",
    "sv": "Lösenordet ligger i kassaskåpet på övre våningen, fråga Åsa om nyckeln.",
    "pl": "Hasło do bazy danych jest w sejfie. Proszę zgłosić się do Łukasza w środę.",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy. Heslo je v šuplíku pod účtenkami.",
    "ru": "Пароль от базы данных лежит в сейфе. Спросите у Ивана на третьем этаже.",
    "el": "Ο κωδικός της βάσης δεδομένων είναι στο χρηματοκιβώτιο. Ρωτήστε τη Μαρία.",
    "tr": "Veritabanı şifresi kasada. Lütfen çarşamba günü Ayşe'ye sorun, ışığı kapatın.",
    "he": "הסיסמה של מסד הנתונים נמצאת בכספת. שאלו את דנה בקומה השלישית.",
    "ar": "كلمة مرور قاعدة البيانات موجودة في الخزنة. اسأل ليلى في الطابق الثالث.",
    "zh": "数据库密码在保险柜里。请星期三去找王先生，黄色的文件夹。",
    "zh-TW": "資料庫密碼在保險櫃裡。請星期三去找王先生，黃色的文件夾。",
    "ja": "データベースのパスワードは金庫にあります。水曜日に田中さんに聞いてください。",
    "ko": "데이터베이스 비밀번호는 금고에 있습니다. 수요일에 김 선생님께 물어보세요.",
    "th": "รหัสผ่านฐานข้อมูลอยู่ในตู้เซฟ กรุณาถามคุณสมชายวันพุธ",
}
DETECTED = [
    *((name, "cp1252") for name in ("fr", "one word", "de", "quotes", "es", "sv")),
    *((name, "mac_roman") for name in ("fr", "one word", "de", "es", "sv")),
    *((name, "cp850") for name in ("fr", "one word", "de", "es", "sv")),
    ("de", "iso8859_15"),
    ("pl", "cp1250"),
    ("pl", "iso8859_2"),
    ("cs", "cp1250"),
    ("cs", "iso8859_2"),
    ("ru", "cp1251"),
    ("ru", "koi8_r"),
    ("ru", "cp866"),
    ("ru", "iso8859_5"),
    ("el", "cp1253"),
    ("el", "iso8859_7"),
    ("tr", "cp1254"),
    ("he", "cp1255"),
    ("ar", "cp1256"),
    ("zh", "gbk"),
    ("zh", "gb18030"),
    ("zh-TW", "big5"),
    ("ja", "shift_jis"),
    ("ja", "euc_jp"),
    ("ja", "iso2022_jp"),
    ("ko", "euc_kr"),
    ("th", "cp874"),
    ("one word", "utf-16-le"),
    ("one word", "utf-16-be"),
]


def read(content: bytes, path: str = "a.md", **encodings: str) -> Decoded:
    return decode(content, path, encodings)


@pytest.mark.parametrize(("name", "encoding"), DETECTED)
def test_legacy_encodings_are_detected_and_reported(name: str, encoding: str) -> None:
    decoded = read(f"# Note\n\nplain\n\n{TEXTS[name]}\n".encode(encoding))
    assert decoded.text == f"# Note\n\nplain\n\n{TEXTS[name]}\n"
    (warning,) = decoded.warnings
    assert warning.startswith(f"read as {decoded.encoding}, which is a guess")


@pytest.mark.parametrize("name", TEXTS)
def test_utf8_is_never_guessed(name: str) -> None:
    assert read(TEXTS[name].encode()) == Decoded(TEXTS[name], "utf-8")


@pytest.mark.parametrize(
    ("content", "text", "warning"),
    [
        ("Ключ в шкафу ".encode() + b"\xff now", "Ключ в шкафу \ufffd now", "one byte is not"),
        ("é è ü ß ".encode() + b"caf\xe9 na\xefve", "é è ü ß caf\ufffd na\ufffdve", "2 bytes are"),
        ("日本語".encode()[:-1], "日本\ufffd", "one byte is not UTF-8, first 0xe8 in line 1"),
        (b"\xef\xbb\xbf" + "日本語\n".encode() + b"\xe9", "日本語\n\ufffd", "0xe9 in line 2"),
    ],
)
def test_utf8_with_a_few_bad_bytes_stays_utf8(content: bytes, text: str, warning: str) -> None:
    decoded = read(content)
    assert (decoded.text, decoded.encoding) == (text, DAMAGED_UTF8)
    assert warning in decoded.warnings[-1]


@pytest.mark.parametrize("size", [60, 200, 2_000, 200_000])
def test_what_no_encoding_explains_fails_instead_of_becoming_gibberish(size: int) -> None:
    content = Random(size).randbytes(size).replace(b"\0", b"a").replace(b"\x1b", b"a")
    with pytest.raises(NotIndexable, match="its encoding is not known") as refusal:
        read(content)
    assert refusal.value.state is NoteState.FAILED
    assert "notes.encodings" in refusal.value.reason


def test_a_setting_decides_by_glob() -> None:
    content = "Schlüssel".encode("cp850")
    encodings = {"old/*.txt": "cp850"}
    assert decode(content, "old/a.TXT", encodings) == Decoded("Schlüssel", "cp850")
    assert decode("ключ".encode("koi8_r"), "a.md", {"*.md": "koi8_r"}).text == "ключ"
    assert decode(b"\xef\xbb\xbfkey", "old/a.txt", {"*.txt": "utf-8"}).text == "key"
    with pytest.raises(NotIndexable, match="not valid utf-8, which the setting") as refusal:
        decode(content, "old/a.txt", {"*.txt": "utf-8"})
    assert refusal.value.state is NoteState.FAILED


def test_an_encoding_that_does_not_exist_is_an_error() -> None:
    for name in ("utf-9", "base64", ""):
        with pytest.raises(ValueError, match="unknown encoding"):
            NotesSettings(encodings={"*.txt": name})
