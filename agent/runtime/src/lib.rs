//! Quaestor as a library: what touches the world around the pure core.

pub mod agent;
pub mod agreement;
pub mod audit;
pub mod ballot;
pub mod chain;
pub mod cli;
pub mod config;
pub mod demo;
pub mod deploy;
pub mod devnet;
mod download;
pub mod fetch;
pub mod fidelity;
pub mod init;
pub mod journal;
pub mod keys;
pub mod learning;
pub mod owner;
pub mod registry;
pub mod risk;
pub mod sender;
pub mod status;
pub mod verify;
