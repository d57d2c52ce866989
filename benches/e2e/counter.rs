//! A forwarder in front of a server that counts the bytes of both directions.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Failure;

/// A running forwarder. Its threads end with the process.
pub(crate) struct Counter {
    address: String,
    bytes: Arc<AtomicU64>,
}

impl Counter {
    /// Starts a forwarder to this address.
    pub(crate) fn start(server: &str) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let bytes = Arc::new(AtomicU64::new(0));
        let (server, count) = (server.to_owned(), Arc::clone(&bytes));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let connected =
                    client.and_then(|client| Ok((client, TcpStream::connect(&server)?)));
                let Ok((client, server)) = connected else {
                    return;
                };
                let (Ok(from), Ok(to)) = (client.try_clone(), server.try_clone()) else {
                    return;
                };
                let counts = [Arc::clone(&count), Arc::clone(&count)];
                let [up, down] = counts;
                std::thread::spawn(move || forward(from, to, &up));
                std::thread::spawn(move || forward(server, client, &down));
            }
        });
        Ok(Self { address, bytes })
    }

    /// Returns host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the number of bytes since the last call.
    pub(crate) fn take(&self) -> u64 {
        self.bytes.swap(0, Ordering::Relaxed)
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        // Counted before it is delivered, so that no byte is missed at the end.
        count.fetch_add(read as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // The other side may have closed the connection already.
    let _ = to.shutdown(Shutdown::Write);
}
