package activities

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
)

// shelf is a store of datums, and of a configuration that can change.
type shelf struct {
	narrative.Store

	mu     sync.Mutex
	level  narrative.Level
	datums []narrative.Datum
}

func (s *shelf) Config(context.Context) (narrative.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := narrative.DefaultConfig()
	c.MinimumDatumLogLevel = s.level
	return c, nil
}

func (s *shelf) AddDatums(_ context.Context, d []narrative.Datum) ([]narrative.Datum, error) {
	s.datums = append(s.datums, d...)
	return d, nil
}

func (s *shelf) RecordDetection(_ context.Context, r narrative.DetectionRecord) (narrative.DetectionResult, error) {
	return narrative.DetectionResult{Run: r.CheckRun, Claimed: r.Occurrences}, nil
}

// tally counts datums.
type tally struct {
	unobserved
	stored, filtered int
}

func (t *tally) Logged(stored bool) {
	if stored {
		t.stored++
	} else {
		t.filtered++
	}
}

func TestDatumsWrittenInsideACheckAreFilteredByTheLevelOfTheMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, count := &shelf{level: narrative.Warn}, &tally{}
		a := &Activities{o: Options{Store: store, Now: time.Now, Observer: count}, configs: narrative.NewConfigCache(store, nil)}
		ctx := a.surround(t.Context(), testSecrets(nil, nil), nil)
		began, ago := time.Now().UTC(), time.Now().Add(-40*24*time.Hour).UTC()
		log := func(d narrative.Datum) {
			t.Helper()
			d.Origin, d.Note = "o", json.RawMessage("1")
			if err := narrative.Log(ctx, d); err != nil {
				t.Error(err)
			}
		}
		log(narrative.Datum{Name: "quiet"})
		log(narrative.Datum{Name: "loud", Level: "ERROR", At: ago})
		store.mu.Lock()
		store.level = narrative.Info
		store.mu.Unlock()
		time.Sleep(time.Second)
		log(narrative.Datum{Name: "after"})
		month, later := began.Add(30*24*time.Hour), began.Add(30*24*time.Hour+time.Second)
		want := []narrative.Datum{
			{Origin: "o", Name: "loud", Note: json.RawMessage("1"), Level: narrative.ErrorLevel, At: ago, ExpiresAt: &month},
			{Origin: "o", Name: "after", Note: json.RawMessage("1"), Level: narrative.Info, At: began.Add(time.Second), ExpiresAt: &later},
		}
		if diff := cmp.Diff(want, store.datums); diff != "" {
			t.Errorf("stored (-want +got)\n%s", diff)
		}
		if *count != (tally{stored: 2, filtered: 1}) {
			t.Errorf("counted %+v", *count)
		}
	})
}

func TestOccurrencesAreCountedAsTheDatumsTheyAreWrittenDownAs(t *testing.T) {
	t.Parallel()
	count := &tally{}
	a := &Activities{o: Options{Store: &shelf{}, Now: time.Now, Observer: count, Told: func(time.Time, string) {}}}
	_, err := a.recordDetection(t.Context(), narrative.DetectionRecord{Occurrences: make([]narrative.Occurrence, 2)})
	if err != nil || *count != (tally{stored: 2}) {
		t.Errorf("counted %+v, %v", *count, err)
	}
}
