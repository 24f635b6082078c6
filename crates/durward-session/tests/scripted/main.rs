//! Sessions against scripted peers: clients and servers that send anything at any time. Each test says what the other
//! side sees, and what may never reach the server.

mod bad_client;
mod bad_server;
mod door;
mod house;
mod pipeline;
