package persistence_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
)

// TestTheDatabaseHoldsTheInvariants writes behind the store's back.
func TestTheDatabaseHoldsTheInvariants(t *testing.T) {
	t.Parallel()
	for name, database := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			s := open(t, url)
			failing(t, s, 1)
			at := "0"
			if name == "postgres" {
				at = "now()"
			}
			copyIssue := `INSERT INTO issues (id, workflow_id, assertion, kind, record_type, record_id, status, severity, summary, verdict,
				opened_at, opened_seq, resolved_at)
				SELECT '%s', workflow_id, '%s', kind, record_type, record_id, '%s', severity, summary, verdict, opened_at, opened_seq, %s FROM issues LIMIT 1`
			for what, statement := range map[string]string{
				"a second unresolved issue": fmt.Sprintf(copyIssue, "x", "a", "open", "NULL"),
				"one in impasse besides":    fmt.Sprintf(copyIssue, "x", "a", "impasse", "NULL"),
				"a status that is none":     fmt.Sprintf(copyIssue, "x", "a", "asleep", "NULL"),
				"closed at no time":         fmt.Sprintf(copyIssue, "x", "a", "resolved", "NULL"),
				"of no assertion":           fmt.Sprintf(copyIssue, "x", "none", "resolved", at),
				"a level that is none":      "INSERT INTO datums (id, origin, name, note, level, thread_id, at) VALUES ('x', 'o', 'n', '1', 'loud', 't', " + at + ")",
				"an entry of no issue":      "INSERT INTO issue_entries (issue_id, number, at, kind, author, text) VALUES ('none', 1, " + at + ", 'k', '', '')",
				"an entry's key twice":      "INSERT INTO issue_entries (issue_id, number, at, kind, author, text, key) SELECT issue_id, 99, at, kind, author, text, key FROM issue_entries",
				"a mode that is none":       "UPDATE narrative_config SET actions = 'sometimes'",
				"a name of both kinds":      "INSERT INTO meta_names (name, kind) VALUES ('a', 'event')",
				"a run twice": "INSERT INTO check_runs (id, name, kind, outcome, summary, scheduled_at, started_at, finished_at, workflow_id, run_id, seq, revision, error) " +
					"SELECT 'x', name, kind, outcome, summary, scheduled_at, started_at, finished_at, workflow_id, run_id, seq, revision, error FROM check_runs",
				"a second configuration": "INSERT INTO narrative_config (id, minimum_datum_log_level, default_datum_ttl_ns, admins) VALUES (2, 'info', 1, '{}')",
			} {
				if _, err := behind(t, url, statement); err == nil {
					t.Errorf("%s was let in", what)
				}
			}
			if _, err := behind(t, url, fmt.Sprintf(copyIssue, "x", "a", "resolved", at)); err != nil {
				t.Errorf("a closed issue besides: %v", err)
			}
		})
	}
}

// failing fails an assertion with many violating records, and returns how long recording took.
func failing(t *testing.T, s *persistence.Store, records int, unknown ...narrative.Record) time.Duration {
	t.Helper()
	meta := narrative.AssertionMeta{Meta: narrative.Meta{Name: "a", Class: "test", Every: narrative.Duration(time.Minute), Enabled: true}}
	if _, err := s.Apply(t.Context(), narrative.Manifest{Assertions: []narrative.AssertionMeta{meta}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	state, err := s.BeginCheck(t.Context(), "a", fmt.Sprint("run-", records))
	if err != nil {
		t.Fatal(err)
	}
	r := narrative.CheckRecord{Revision: 1, OverRecords: true, Total: records, CheckRun: narrative.CheckRun{
		Assertion: "a", RunID: fmt.Sprint("run-", records), Seq: state.Seq, Outcome: narrative.OutcomeFailed, FinishedAt: time.Now(),
	}}
	r.Unknown = unknown
	if records == 0 {
		r.Outcome = narrative.OutcomePassed
	}
	for i := range records {
		r.Violations = append(r.Violations, narrative.Violation{Record: narrative.Record{Type: "invoice", ID: fmt.Sprint(i)}, Summary: "it is wrong"})
	}
	begun := time.Now()
	if _, err := s.RecordCheck(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return time.Since(begun)
}

func TestViolationsAreThoseOfTheNewestCheck(t *testing.T) {
	t.Parallel()
	for name, database := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := database(t)
			s := open(t, url)
			keeps := func(want int) {
				t.Helper()
				rows, err := behind(t, url, "SELECT CAST(COUNT(*) AS text) FROM violations")
				if err != nil || rows[0] != fmt.Sprint(want) {
					t.Errorf("the store keeps %s violating records (%v), want %d", rows, err, want)
				}
			}
			for _, records := range []int{3, narrative.MaxViolations, 2} {
				t.Logf("recording %d violating records took %s", records, failing(t, s, records))
				keeps(records)
			}
			failing(t, s, 1, narrative.Record{Type: "invoice", ID: "1"}, narrative.Record{Type: "invoice", ID: "2"})
			keeps(2) // the one found, and one of which nothing could be said; the other was not violating before
			failing(t, s, 0)
			keeps(0)
		})
	}
}
