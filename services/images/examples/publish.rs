//! Puts local images into a store so that they can be looked at and measured, without queue or database:
//! `publish STORE_FOLDER CUSTOMER SPACE FILE…`. An image's id is its file's name without the extension; for each one
//! a line `CUSTOMER/SPACE/ID WIDTH HEIGHT` is printed.

#[path = "../tests/delivery/publish.rs"]
mod publish;

use std::error::Error;
use std::path::Path;

use dlcs_model::{CustomerId, ImageId, ImageKey, SpaceId};
use dlcs_storage::{StorageSettings, Store};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, customer, space, files @ ..] = arguments.as_slice() else {
        return Err("usage: publish STORE_FOLDER CUSTOMER SPACE FILE…".into());
    };
    let store = Store::connect(&StorageSettings::folder(Path::new(folder))).await?;
    for file in files.iter().map(Path::new) {
        let name = file.file_stem().and_then(|s| s.to_str()).ok_or("a file without a name")?;
        let image = ImageKey {
            customer: CustomerId(customer.parse()?),
            space: SpaceId(space.parse()?),
            id: ImageId::new(name)?,
        };
        let descriptor = publish::publish(&store, &image, file, |_| {}).await?;
        #[expect(clippy::print_stdout, reason = "the output of a command")]
        {
            println!("{image} {} {}", descriptor.width, descriptor.height);
        }
    }
    Ok(())
}
