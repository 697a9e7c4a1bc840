//! Makes an image of the fixture, to be compared with the folder.

fn main() -> Result<(), thimble_image::Error> {
    thimble_image::Builder::new(thimble_test_fixtures::checked_in("fixture"))
        .include_hidden()
        .build("fixture.rs")
}
