//! What is in the folder.

use chartmesh_protocol::id::ObjectId;

use super::{ObjectError, ObjectFolder, cannot};
use crate::disk::Disk;

impl<D: Disk> ObjectFolder<D> {
    /// The ids of all objects that are here, in no order.
    ///
    /// # Errors
    /// [`ObjectError::Disk`].
    pub fn list(&self) -> Result<Vec<ObjectId>, ObjectError> {
        let (disk, objects) = (&self.inner.disk, &self.inner.objects);
        let mut ids = Vec::new();
        for shard in disk.list(objects).map_err(cannot("list", objects))? {
            let shard = objects.join(shard);
            let names = disk.list(&shard).map_err(cannot("list", &shard))?;
            ids.extend(names.iter().filter_map(|name| name.parse::<ObjectId>().ok()));
        }
        Ok(ids)
    }
}
