//! What a person is told when a node gives no answer, or says no.

use chartmesh_node::client::ClientError;

use crate::exit::{Exit, Failure};

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let failure = |exit| Self::new(exit, error.to_string());
        match &error {
            ClientError::NotRunning(_) => failure(Exit::NotRunning)
                .next("start it with `chartmesh run`, or name another node with --dir"),
            ClientError::NotPermitted(_) => failure(Exit::NotPermitted)
                .next("run the command as the user whose node it is"),
            ClientError::Unreachable { .. } => failure(Exit::NotRunning),
            ClientError::Broken { .. } => failure(Exit::Failed)
                .next("see `chartmesh status`; whether it was done is not known, so look before you repeat it"),
            ClientError::Trouble(_) => failure(Exit::Failed)
                .next("whether it was done is not known: look with a listing before you repeat it"),
            ClientError::Refused { status, code, .. } => {
                failure(code.map_or_else(|| by_status(*status), Exit::from))
            }
            ClientError::Path { .. } => failure(Exit::Failed),
            ClientError::Unreadable(_) => failure(Exit::Failed)
                .next("use the same version of `chartmesh` for the node and for this command"),
            ClientError::File { doing, path, error } => Self::file(doing, path, error),
        }
    }
}

/// The exit code of a refusal whose reason this version does not know.
const fn by_status(status: u16) -> Exit {
    match status {
        400 | 413 | 422 => Exit::Usage,
        401 | 403 => Exit::NotPermitted,
        404 => Exit::NotFound,
        409 | 410 => Exit::State,
        423 => Exit::Locked,
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::refusal::RefusalCode;

    #[test]
    fn a_refusal_ends_with_the_exit_code_of_its_cause() {
        let refused = |status, code| {
            Failure::from(ClientError::Refused { status, code, text: "no".to_owned() })
        };
        let locked = refused(409, Some(RefusalCode::Locked));
        assert_eq!(locked, Failure::new(Exit::Locked, "no"));
        assert_eq!(refused(404, None).exit, Exit::NotFound);
        assert_eq!(refused(403, None).exit, Exit::NotPermitted);
        let failure = Failure::from(ClientError::Trouble("stopping".to_owned()));
        assert_eq!(failure.exit, Exit::Failed);
        assert!(failure.next.is_some_and(|next| next.contains("not known")));
    }
}
