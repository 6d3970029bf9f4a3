//! Flags → commands, messages, exit codes.
