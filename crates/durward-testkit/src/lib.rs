//! Scripted clients and servers, fake clock, temporary databases.
