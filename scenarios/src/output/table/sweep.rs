//! A sweep's rows.

use super::cell::Cell;
use super::file::Written;
use super::writer::{Formats, TableWriter};
use crate::output::{WriteError, schema};
use crate::stats::SweptFigure;
use std::path::Path;

pub(in crate::output) fn sweep(
    dir: &Path,
    formats: Formats,
    figures: &[SweptFigure],
) -> Result<Vec<Written>, WriteError> {
    let mut table = TableWriter::create(dir, &schema::SWEEP, formats)?;
    for figure in figures {
        for point in &figure.points {
            let (mean, difference) = (point.mean, point.difference);
            table.row(&[
                Cell::Text(&point.point),
                Cell::Text(&figure.name),
                Cell::Word(figure.unit.name()),
                Cell::Whole(mean.seeds as u64),
                Cell::Whole(point.at_least as u64),
                Cell::Number(mean.value),
                Cell::number(mean.low),
                Cell::number(mean.high),
                Cell::number(difference.map(|difference| difference.value)),
                Cell::number(difference.and_then(|difference| difference.low)),
                Cell::number(difference.and_then(|difference| difference.high)),
            ])?;
        }
    }
    table.finish()
}
