//! A page with a picture and a form: `cargo run --example site`, then open
//! <http://127.0.0.1:8000/>.

use thimble_std::{Folder, Server, Site};

const SITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../site");

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = Server::bind(address)?;
    println!("The site at http://{}/", server.local_addr()?);
    server.run(Site::new(Folder::open(SITE)?))
}
