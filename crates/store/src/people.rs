//! People as the management API knows them: whoever signed in, and whoever was
//! entered by hand. What they may do is said by policies alone.

use doorward_model::audit::AuditEntry;
use doorward_model::email::Email;
use doorward_model::id::UserId;
use doorward_model::identity::Identity;
use doorward_model::session::Revoked;
use doorward_model::time::Timestamp;

use crate::Store;
use crate::audit_log::logged;
use crate::database::must;
use crate::error::StoreError;
use crate::patterns::containing;
use crate::statement::{self, Row, Statement, number, optional_number, optional_text, text, unreadable};

/// Somebody who is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: UserId,
    pub email: Email,
    pub name: Option<String>,
    /// As their provider told it at the last sign-in, let in or refused.
    pub identity: Option<Identity>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// None for somebody who never signed in.
    pub signed_in_at: Option<Timestamp>,
    pub seat_removed_at: Option<Timestamp>,
}

/// Which people are asked for. What is empty is not asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleQuery {
    /// The whole address, in lower case.
    pub email: String,
    /// The whole name.
    pub name: String,
    /// A part of either, in any case.
    pub search: String,
    pub offset: u32,
    pub limit: u32,
}

const COLUMNS: &str = "id, email, name, identity, created_at, updated_at, signed_in_at, seat_removed_at, last_seen_at";

impl Store {
    /// The people that a query asks for, who were known first first, and how
    /// many there are in all.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn people(&self, query: &PeopleQuery) -> Result<(Vec<Person>, usize), StoreError> {
        let matching = "FROM users WHERE ($1 = '' OR email = $1) AND ($2 = '' OR name = $2) \
                        AND COALESCE(search_text, email) LIKE $3 ESCAPE '!'";
        let bound = |sql: String| {
            statement::query(sqlx::AssertSqlSafe(sql))
                .bind(query.email.clone())
                .bind(query.name.clone())
                .bind(containing(&query.search.to_lowercase()))
        };
        let page = || {
            bound(format!("SELECT {COLUMNS} {matching} ORDER BY created_at, id LIMIT $4 OFFSET $5"))
                .bind(i64::from(query.limit))
                .bind(i64::from(query.offset))
        };
        let rows = self.database().rows(page).await?;
        let counted = self.database().rows(|| bound(format!("SELECT COUNT(*) AS total {matching}"))).await?;
        let total = counted.first().map_or(Ok(0), |row| number(row, "total"))?;
        let people = rows.iter().map(person).collect::<Result<_, _>>()?;
        Ok((people, usize::try_from(total).unwrap_or_default()))
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn person(&self, id: UserId) -> Result<Option<Person>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE id = $1");
        let rows =
            self.database().rows(|| statement::query(sqlx::AssertSqlSafe(sql.clone())).bind(id.to_string())).await?;
        rows.first().map(person).transpose()
    }

    /// Enters somebody who has not signed in yet, with the lines of the audit
    /// log that tell of it. `false`: they are known already.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_person(
        &self,
        id: UserId,
        email: &Email,
        name: Option<&str>,
        told: &[AuditEntry],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let statement = statement::query(
            "INSERT INTO users (id, email, name, search_text, created_at, last_seen_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $5, $5) ON CONFLICT DO NOTHING",
        );
        let statement = statement
            .bind(id.to_string())
            .bind(email.as_str().to_owned())
            .bind(name.map(str::to_owned))
            .bind(searched(email, name))
            .bind(now.0);
        self.told_change([statement], told).await
    }

    /// Gives somebody another name, until a provider tells theirs. `false`:
    /// nobody has the id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rename_person(
        &self,
        person: &Person,
        name: &str,
        told: &[AuditEntry],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let statement = statement::query("UPDATE users SET name = $1, search_text = $2, updated_at = $3 WHERE id = $4");
        let statement = statement
            .bind(name.to_owned())
            .bind(searched(&person.email, Some(name)))
            .bind(now.0)
            .bind(person.id.to_string());
        self.told_change([statement], told).await
    }

    /// Takes seats away, or gives them back: all of these, or none. A sign-in
    /// takes one again. `false`: nobody has one of the ids.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_seats(
        &self,
        seats: &[(UserId, bool)],
        told: &[AuditEntry],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = |(id, seated): &(UserId, bool)| {
            let statement = statement::query("UPDATE users SET seat_removed_at = $1, updated_at = $2 WHERE id = $3");
            statement.bind((!seated).then_some(now.0)).bind(now.0).bind(id.to_string())
        };
        self.told_change(seats.iter().map(changed), told).await
    }

    /// Forgets somebody, and ends everything of theirs as [`Store::revoke`]
    /// does: no token outlives its person. `false`: nobody has the id.
    ///
    /// # Errors
    /// When the database does not answer; then it is not to be reported as done.
    pub async fn remove_person(&self, id: UserId, told: &[AuditEntry], now: Timestamp) -> Result<bool, StoreError> {
        let forgotten = statement::query("DELETE FROM users WHERE id = $1").bind(id.to_string());
        self.revoke_with(&Revoked::User(id), vec![must(forgotten)], told, now).await
    }

    /// Makes these changes with the lines that tell of them, or nothing: `false`
    /// when one of them finds nobody.
    async fn told_change(
        &self,
        changes: impl IntoIterator<Item = Statement>,
        told: &[AuditEntry],
    ) -> Result<bool, StoreError> {
        let steps = changes.into_iter().map(must).chain(logged(told)).collect();
        self.database().all_or_nothing(steps).await.map(|changed| changed.is_some())
    }
}

/// What somebody is searched by.
pub(crate) fn searched(email: &Email, name: Option<&str>) -> String {
    format!("{email} {}", name.unwrap_or_default()).to_lowercase()
}

fn person(row: &Row) -> Result<Person, StoreError> {
    let identity = optional_text(row, "identity")?;
    let identity = identity.map(|text| serde_json::from_str(&text).map_err(|error| unreadable("identity", error)));
    let last_seen_at = number(row, "last_seen_at")?;
    Ok(Person {
        id: text(row, "id")?.parse().map_err(|error| unreadable("id", error))?,
        email: text(row, "email")?.parse().map_err(|error| unreadable("email", error))?,
        name: optional_text(row, "name")?,
        identity: identity.transpose()?,
        created_at: Timestamp(number(row, "created_at")?),
        updated_at: Timestamp(optional_number(row, "updated_at")?.unwrap_or(last_seen_at)),
        signed_in_at: optional_number(row, "signed_in_at")?.map(Timestamp),
        seat_removed_at: optional_number(row, "seat_removed_at")?.map(Timestamp),
    })
}
