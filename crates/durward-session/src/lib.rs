//! Owns one client connection and its upstream, and walks every statement through the pipeline.
