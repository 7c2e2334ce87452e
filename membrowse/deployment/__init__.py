"""Set up an engine as a system service: plans of files and commands, for systemd and launchd."""
