//! Drawings as files of their own.

use crate::output::WriteError;
use crate::output::plot::Plot;
use crate::output::table::{Written, write_whole};
use std::path::Path;

/// Writes drawings into `plots/`, as SVG and perhaps as PNG.
pub(super) fn write_plots(
    dir: &Path,
    plots: &[Plot],
    png: bool,
) -> Result<Vec<Written>, WriteError> {
    let folder = dir.join("plots");
    std::fs::create_dir_all(&folder).map_err(|error| WriteError::at(&folder, error))?;
    let mut written = Vec::new();
    for plot in plots {
        let path = folder.join(format!("{}.svg", plot.slug));
        write_whole(&path, plot.svg().as_bytes())?;
        written.push(Written { path: path.clone(), rows: None });
        if png {
            let path = path.with_extension("png");
            let picture = plot.png().map_err(|error| WriteError::at(&path, error))?;
            write_whole(&path, &picture)?;
            written.push(Written { path, rows: None });
        }
    }
    Ok(written)
}
