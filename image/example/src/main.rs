//! The demo site in one binary, which reads no file: `cargo run -p thimble-image-example`, then open
//! <http://127.0.0.1:8000/>.

use thimble_core::Image;
use thimble_std::{Server, Site};

static IMAGE: Image = include!(concat!(env!("OUT_DIR"), "/site.rs"));

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = Server::bind(address)?;
    println!("The site at http://{}/", server.local_addr()?);
    server.run(Site::new(IMAGE))
}
