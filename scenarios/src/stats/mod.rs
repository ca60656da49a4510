//! What is reckoned from samples: quantiles that are honest about what had not ended, intervals over seeds, paired
//! differences, time series.
//!
//! Everything repeats to the last bit on every platform: only additions, multiplications, divisions and square roots
//! are used, which IEEE 754 fixes; no logarithm, no exponential, no platform's own mathematics.

mod figures;
mod interval;
mod series;
mod summary;
mod survival;
mod swept;

pub use figures::{Figure, Figures, VIOLATIONS, part_unit};
pub use interval::{Interval, bootstrap, mean_interval, paired};
pub use series::{Bucket, series};
pub use summary::{PARTS, Summary};
pub use survival::{Bound, Step, Survival};
pub use swept::{BySeed, SweptFigure, SweptPoint, is_main, side_by_side};
