//! Why there is no network.

/// Why the network did not start.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The machine cannot do TCP or QUIC.
    #[error("the network transports cannot be set up: {0}")]
    Transport(String),
    /// mDNS was asked for and has no socket.
    #[error("mDNS cannot start; switch it off or see whether UDP port 5353 may be used: {0}")]
    Mdns(#[source] std::io::Error),
    /// An address to listen on is taken or not of this machine.
    #[error("cannot listen on {addr}: {reason}")]
    Listen {
        /// Which, or several.
        addr: String,
        /// What the system says.
        reason: String,
    },
}
