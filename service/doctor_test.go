package service

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/starter"
)

// aClock is a store whose clock is off.
type aClock struct {
	off time.Duration
	own bool
	err error
}

func (c aClock) Clock(context.Context) (time.Time, bool, error) {
	return doctorsNoon.Add(c.off), c.own, c.err
}

var doctorsNoon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func TestDoctorLooksAtTheClocks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		clock aClock
		want  []Finding
	}{
		"none of its own": {aClock{}, nil},
		"agrees":          {aClock{off: 1900 * time.Millisecond, own: true}, []Finding{{"store", true, "its clock agrees with this machine's", ""}}},
		"ahead":           {aClock{off: 2500 * time.Millisecond, own: true}, []Finding{{"store", false, "the database's clock is 2.5s ahead of this machine's", "keep the clocks"}}},
		"behind":          {aClock{off: -time.Hour, own: true}, []Finding{{"store", false, "the database's clock is 1h0m0s behind this machine's", "keep the clocks"}}},
		"fails":           {aClock{err: errors.New("it is away")}, []Finding{{"store", false, "it is away", "see that the database"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &doctor{o: Options{Now: func() time.Time { return doctorsNoon }}}
			d.clock(t.Context(), c.clock)
			c.want, d.findings = begins(c.want, d.findings)
			if diff := cmp.Diff(c.want, d.findings); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// begins cuts what is to be done off where the wanted text ends.
func begins(want, got []Finding) (_, _ []Finding) {
	for n := range got {
		if n < len(want) && strings.HasPrefix(got[n].Do, want[n].Do) {
			got[n].Do = want[n].Do
		}
	}
	return want, got
}

func TestDoctorTellsOfTriggersThatAreNotRight(t *testing.T) {
	t.Parallel()
	d := &doctor{}
	d.compared(starter.Compared{Held: 3})
	d.compared(starter.Compared{Held: 3, Missing: []string{"a", "b", "c", "d", "e", "f", "g"}, Surplus: []string{"event/gone"}})
	var got []string
	for _, f := range d.findings {
		got = append(got, f.Text)
		if f.OK != (f.Do == "") {
			t.Errorf("%+v", f)
		}
	}
	want := []string{
		"3 triggers, as the metas ask for", "nothing sets going: a, b, c, d, e and 2 more", "triggers belong to no enabled meta: event/gone",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// someMetas is a store of a few metas.
type someMetas struct{ narrative.MetaStore }

func (someMetas) AssertionMetas(context.Context) ([]narrative.AssertionMeta, error) {
	return []narrative.AssertionMeta{
		{Meta: narrative.Meta{Queue: "vault", Enabled: true}},
		{Meta: narrative.Meta{Queue: narrative.TaskQueue, Enabled: true}},
		{Meta: narrative.Meta{Queue: "unused"}},
		{Meta: narrative.Meta{Enabled: true}},
	}, nil
}

func (someMetas) EventMetas(context.Context) ([]narrative.EventMeta, error) {
	return []narrative.EventMeta{{Meta: narrative.Meta{Queue: "edge", Enabled: true}}, {Meta: narrative.Meta{Queue: "vault", Enabled: true}}}, nil
}

func TestDoctorKnowsTheQueuesThatMetasName(t *testing.T) {
	t.Parallel()
	d := &doctor{}
	d.metas(t.Context(), someMetas{})
	if diff := cmp.Diff([]string{"edge", "vault"}, d.queues); diff != "" || len(d.findings) != 0 {
		t.Errorf("%v (-want +got)\n%s", d.findings, diff)
	}
}

// findings are what the doctor found of a part, a line each.
func findings(all []Finding, part string) (text string) {
	for _, f := range all {
		if f.Part == part {
			text += map[bool]string{true: "ok: ", false: "BAD: "}[f.OK] + f.Text + " / " + f.Do + "\n"
		}
	}
	return text
}

func TestDoctorChangesNothingWhereThereIsNoDev(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	file := filepath.Join(dir, "narrative.db")
	got := Doctor(t.Context(), Options{
		Registry: narrative.NewRegistry(), DatabaseURL: "sqlite:" + file, OutboxDir: filepath.Join(dir, "outbox"), TemporalPort: 9,
	})
	for part, wants := range map[string][]string{
		"configuration": {"ok: the settings can be used: the store is " + file + ", Temporal is at 127.0.0.1:9 (of `narrative dev`)"},
		"store":         {"BAD: there is no file " + file + " / start `narrative dev`, say by --data-dir"},
		"temporal":      {"BAD: Temporal does not answer at 127.0.0.1:9", "start `narrative dev`; where it told another port as it began, say which by --temporal-port"},
		"email":         {"ok: nothing is sent: messages are written to " + filepath.Join(dir, "outbox")},
	} {
		for _, want := range wants {
			if text := findings(got, part); !strings.Contains(text, want) {
				t.Errorf("%s is %q; want %q", part, text, want)
			}
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the data directory was made: %v", err)
	}
}

func TestDoctorReadsAStoreThatIsInUse(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "narrative.db")
	if _, _, err := persistence.Migrate(t.Context(), "sqlite:"+file); err != nil {
		t.Fatal(err)
	}
	writer, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	tx, err := writer.BeginTx(t.Context(), nil) // which has the only right to write
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	d := &doctor{o: Options{DatabaseURL: "sqlite:" + file}.withDefaults(), dev: true}
	d.store(t.Context())
	if d.held == nil || !strings.Contains(findings(d.findings, "store"), "ok: it answers") {
		t.Fatalf("%+v", d.findings)
	}
	_ = d.held.Close()
}

func TestDoctorNamesTheStoreWithoutWhatIsSecret(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://shop:hunter2@db:5432/narrative?password=hunter2": "postgres://db:5432/narrative",
		"sqlite:data/narrative.db":                                   "data/narrative.db",
		"postgres://shop:hunter2@db:port/x":                          "that of NARRATIVE_DATABASE_URL",
	} {
		if got := (Options{DatabaseURL: url}).storeName(); got != want {
			t.Errorf("%s is %q, want %q", url, got, want)
		}
	}
}

func TestMetricsHaveAnAddressOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := &Service{o: Options{MetricsListen: "127.0.0.1:0"}.withDefaults(), metrics: newMetrics("dev")}
	if err := s.listenMetrics(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for path, want := range map[string]string{"/metrics": "narrative_build_info", "/healthz": `{"status":"ok"}`} {
		r, err := http.Get("http://" + s.MetricsAddr() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %v; %q is not in\n%s", path, r.StatusCode, err, want, body)
		}
	}
	taken := &Service{o: Options{MetricsListen: s.MetricsAddr()}.withDefaults(), metrics: newMetrics("dev")}
	if err := taken.listenMetrics(t.Context(), t.Context()); narrative.KindOf(err) != narrative.Unavailable || !strings.Contains(err.Error(), "--metrics-listen") {
		t.Errorf("a port that is taken: %v", err)
	}
}
