package persistence_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/persistence/pgtest"
	"github.com/narrative-go/narrative/persistence/postgres"
)

// unseen are the names of the datums that could not be seen at the mark.
func unseen(t *testing.T, s *persistence.Store, mark narrative.DatumMark) (names []string) {
	t.Helper()
	datums, err := s.ArrivedDatums(t.Context(), narrative.DatumQuery{Unseen: mark}, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range datums {
		names = append(names, d.Name)
	}
	return names
}

func marked(t *testing.T, s *persistence.Store) narrative.DatumMark {
	t.Helper()
	mark, err := s.MarkDatums(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return mark
}

func TestADatumOfALowerIDIsUnseenUntilItIsThere(t *testing.T) {
	t.Parallel()
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared := url(t)
			s := open(t, shared)
			behind := openWith(t, shared, persistence.Options{Now: func() time.Time { return time.Now().Add(-20 * time.Second) }})
			add := func(to *persistence.Store, name string) {
				if _, err := to.AddDatums(t.Context(), []narrative.Datum{{Origin: "o", Name: name, At: time.Now()}}); err != nil {
					t.Fatal(err)
				}
			}
			add(s, "1")
			mark := marked(t, s)
			add(behind, "late")
			add(s, "2")
			if diff := cmp.Diff([]string{"late", "2"}, unseen(t, s, mark)); diff != "" {
				t.Errorf("since the mark (-want +got):\n%s", diff)
			}
			if got := unseen(t, s, marked(t, s)); got != nil {
				t.Errorf("then came %q", got)
			}
		})
	}
}

func TestABeatThatWaitsIsUnseenUntilItIsThere(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s := open(t, url)
	beat := func(at time.Time) error {
		_, _, err := s.Beat(t.Context(), narrative.Beat{Name: "b", Kind: narrative.BeatFail, At: at}, 0)
		return err
	}
	if err := beat(time.Now()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	holding, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holding.Exec("SELECT 1 FROM heartbeats FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- beat(time.Now()) }()
	await(t, func() error {
		waiting, err := behind(t, url, "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
		if len(waiting) == 0 {
			return errors.Join(err, errors.New("nobody waits"))
		}
		return err
	})
	if _, err := s.AddDatums(t.Context(), []narrative.Datum{{Origin: "o", Name: "meanwhile", At: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	mark := marked(t, s)
	if err := errors.Join(holding.Rollback(), <-done); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b/fail"}, unseen(t, s, mark)); diff != "" {
		t.Errorf("since the mark (-want +got):\n%s", diff)
	}
}

func await(t *testing.T, condition func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err = condition(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// A row has the lower half of its transaction's id alone.
func TestMarksGoBeyondFourBillionTransactions(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	engine, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	const billions = 1 << 32
	for row, want := range map[uint32]string{billions - 6: "false", 0: "false", 4: "true", 5: "true", 1<<31 - 1: "true", billions - 1: "false"} {
		condition, args, err := engine.Dialect().Unseen(fmt.Sprintf("%d:%d:%d", billions+3, billions+5, billions+4))
		if err != nil {
			t.Fatal(err)
		}
		for _, arg := range args {
			condition = strings.Replace(condition, "?", fmt.Sprintf("'%v'", arg), 1)
		}
		got, err := behind(t, url, "SELECT "+strings.ReplaceAll(condition, "xmin::text", fmt.Sprintf("'%d'", row)))
		if err != nil || got[0] != want {
			t.Errorf("a row of transaction …%d: unseen %v, want %s; %v", row, got, want, err)
		}
	}
}
