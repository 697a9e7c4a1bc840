//! Makes an image of the fixture, to be compared with the folder.

fn main() -> Result<(), thimble_image::Error> {
    thimble_image::Builder::new("fixtures/fixture").hidden(true).build("fixture.rs")
}
