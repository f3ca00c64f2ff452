//! The application door: the pipeline every request to an app takes.
