//! Makes an image of the demo site.

fn main() -> Result<(), thimble_image::Error> {
    thimble_image::Builder::new("../../site").build("site.rs")
}
