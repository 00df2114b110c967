//! A small HTTP/1.1 server for figures and for the page: one request per connection, answered from memory or as a stream.
//! What a request carries besides its first line and its headers is not read.

mod answer;
mod request;
mod server;

pub use answer::{Answer, Body, Status};
pub use request::{Malformed, Request};
pub use server::{Site, bind, serve};
