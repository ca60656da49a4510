//! What a node has under way with others, and what is to be done next: who is greeted, when a message is tried and
//! by which route, when an object is pulled, tried again, or not. Without input or output: a driver says what
//! happened, and does what it is given as [`Order`]s. The node does them with tasks and a network, the simulator with
//! modelled links, the world of tests at once; what is done when is the same for all, because it is decided here.
//!
//! ```text
//!   Effect::Deliver        ┌───────────────────────── forgotten: once more ─────┐
//!         │                v                                                    │
//!         ├──> Next ──> session? ──yes────────────────────────> Send ───────────┤
//!         │     │          │ no         ┌──answered, let in──────^              ├──answered, unknown──> Conclude
//!         │  nothing,      └──> Hello ──┤                                       │                          │
//!         │  not yet                    └──not──> the next node ── none left ───┼─────────────────────────>│
//!         │     v                                      ^                        └──never sent──> next node │
//!         │   rest                                     └─────────────────────────────────────────┘         │
//!         └───────────────────────────────────────────────────<──────────────────────────── durable ───────┘
//!
//!   Effect::Pull ──> a place ──> Look ──> session? or Hello, as above ──> Fetch ──┬── whole, refused ──> End
//!                       ^         └──not wanted──> Discard                        ├── forgotten: once more
//!                       └───────── Later <── no node left: broken, or trouble <───┴── the next node
//! ```
//!
//! * **One message in flight to each institution.** Who asks for another while one is under way has it looked again.
//! * **`hello` once per session.** Whatever needs a node that is being greeted waits for that greeting, and goes on,
//!   or to the next node, when it ends.
//! * **Some must hear it.** A `hello` that is to tell something ([`crate::peer::Effect::Greet`]) is said again a few
//!   times, after longer and longer waits, if nobody answered: it may have been lost.
//! * **A far side that forgot us is greeted once more**, and asked again; forgotten twice, it is left alone.
//! * **Messages are put off by rows** ([`crate::peer::Delivery::wait_ms`]), because they must outlive a restart; **pulls
//!   by a wait** that doubles as long as nothing comes, is short when the holder appears, and long when what it sent
//!   was wrong.
//! * **A gate that closes ends the session**: whoever was put out must say `hello` again.
//!
//! It keeps nothing that must last: after a restart, [`crate::peer::Peer::resume`] names all of it again. What is said
//! of something that is not under way any more comes to nothing.

mod deliveries;
mod due;
mod greetings;
mod limits;
mod orders;
mod pulls;
mod sessions;
#[cfg(test)]
mod tests;
mod tries;
mod under_way;

pub use due::TICK_PAUSE_MS;
pub use orders::{Fetch, Fetched, Letter, Order, Retry, Sent};
pub use under_way::Agenda;
