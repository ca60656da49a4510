//! Listings that are longer than a page.

use std::collections::BTreeSet;

use chartmesh_protocol::limits::LISTED_MAX;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::command::NewChart;

use super::*;
use crate::client::{By, Client};

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_longer_than_a_page_comes_whole_to_who_follows_its_pages() {
    let home = Home::new(Role::Hospital).await;
    let handle = home.node.handle();
    let open = |number: usize| {
        let new = NewChart { name: format!("patient {number}"), identifiers: Vec::new() };
        handle.command(new, None)
    };
    let opened = futures::future::join_all((0..LISTED_MAX + 50).map(open)).await;
    let opened: BTreeSet<_> = opened.into_iter().map(|chart| chart.unwrap().chart).collect();
    let client = Client::new(home.api.socket());
    let mut pages = Vec::new();
    client.pages(ask::Charts::default(), By::default(), |page| pages.push(page)).await.unwrap();
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [LISTED_MAX, 50]);
    let listed: BTreeSet<_> = pages.into_iter().flatten().map(|chart| chart.chart).collect();
    assert_eq!(listed, opened);
    let all = handle.all(ask::Charts::default(), None).await.unwrap();
    assert_eq!(all.len(), LISTED_MAX + 50);
    home.stop().await;
}
