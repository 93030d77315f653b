//! Every screen, driven headless by what it says, in both languages.
