//! What only emulator mode has: the built-in identity provider, the control API, the demo application.
