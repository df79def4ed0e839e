package persistence

import (
	"context"
	"encoding/json"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

const selectEntries = "SELECT number, at, kind, author, text, data, key FROM issue_entries"

func scanEntry(r engine.Row) (e narrative.Entry, err error) {
	err = r.Scan(&e.Number, moment{&e.At}, (*string)(&e.Kind), &e.By, &e.Text, document{&e.Data}, &e.Key)
	return e, err
}

// queueEntry adds a line to an issue's timeline, unless one of its key is there. The issue's row must be locked, or the
// lock be taken by a statement before: the number is the next one.
func queueEntry(b *engine.Batch, issueID string, e narrative.Entry) {
	queueEntryIf(b, issueID, e, "")
}

// queueEntryIf adds the line only where a notification of that id is kept; an empty id is no condition.
func queueEntryIf(b *engine.Batch, issueID string, e narrative.Entry, notificationID string) {
	b.Exec(`
		INSERT INTO issue_entries (issue_id, number, at, kind, author, text, data, key)
		SELECT $1, (SELECT COALESCE(MAX(number), 0) + 1 FROM issue_entries WHERE issue_id = $1), $2, $3, $4, $5, $6, $7
		WHERE $8 = '' OR EXISTS (SELECT 1 FROM notifications WHERE id = $8)
		ON CONFLICT (issue_id, key) WHERE key <> '' DO NOTHING`,
		issueID, e.At, string(e.Kind), e.By, e.Text, entryData(e.Data), e.Key, notificationID)
}

func entryData(data json.RawMessage) any {
	if len(data) == 0 || string(data) == "null" {
		return nil
	}
	return engine.JSON(data)
}

// lockIssue locks an issue's row, so that its timeline may be written on.
func (s *Store) lockIssue(ctx context.Context, tx engine.Tx, id string) error {
	if !s.dialect.RowLocks {
		return nil
	}
	b := &engine.Batch{}
	b.Exec("SELECT 1 FROM issues WHERE id = $1 FOR UPDATE", id)
	return tx.Run(ctx, b)
}

// add looks at an entry's texts.
func (t *texts) entry(field string, e narrative.Entry) {
	t.add(field+".text", e.Text)
	t.add(field+".by", e.By)
	t.add(field+".key", e.Key)
	t.json(field+".data", e.Data)
}
