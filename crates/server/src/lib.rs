//! Wiring, configuration and the command line of Doorward.
