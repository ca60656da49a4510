//! Why no more is kept for somebody.

use crate::reason::reasons;

reasons! {
    /// Why no more is kept for somebody.
    pub(crate) enum Reason: 33 "quota" {
        1 => Bytes { used: u64, asked: u64, most: u64 }: LimitReached
            "this institution may take up {most} bytes there, takes up {used}, and asked for {asked} more: have what is no longer needed deleted, or ask that node's operator for more (`chartmesh quota set`)",
        2 => Entries { used: u64, asked: u64, most: u64 }: LimitReached
            "this institution may have {most} things kept there, has {used}, and asked for {asked} more: have what is no longer needed deleted, or ask that node's operator for more (`chartmesh quota set`)",
        3 => PatientBytes { most: u64 }: LimitReached
            "what is kept for the patient there may take up {most} bytes, and would take up more: have what is no longer needed deleted, or ask that node's operator for more (`chartmesh quota set`)",
        4 => PatientEntries { most: u64 }: LimitReached
            "{most} things may be kept for the patient there, and there would be more: have what is no longer needed deleted, or ask that node's operator for more (`chartmesh quota set`)",
        5 => Relays: LimitReached
            "that node keeps as much for the relays that this member certified as it is set to; ask its operator for more (`chartmesh quota set --relays`)",
        6 => SaysNothing: Invalid "say how many bytes, how many things, or both",
    }
}
