package narrative_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"testing/synctest"
	"time"

	"github.com/narrative-go/narrative"
)

// logged returns what a logger's calls leave behind.
func logged(t *testing.T, o narrative.SlogOptions, write func(context.Context, *slog.Logger)) []narrative.Datum {
	t.Helper()
	store, all := &kept{}, &changingLevel{}
	all.Store(narrative.Trace)
	w := narrative.NewDatums(store, narrative.DatumsOptions{Config: all})
	write(t.Context(), slog.New(narrative.NewSlogHandler(w, "shop", o)))
	succeed(t, w.Close(t.Context()))
	var datums []narrative.Datum
	for _, b := range store.batches {
		datums = append(datums, b...)
	}
	return datums
}

func TestWhatAProgramLogsBecomesDatums(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		datums := logged(t, narrative.SlogOptions{}, func(ctx context.Context, l *slog.Logger) {
			l = l.With("request", 7).WithGroup("order")
			l.InfoContext(narrative.WithThread(ctx, "thread-1"), "paid", "amount", 12.5, slog.Group("customer", "name", "Ada"), "failure", errors.New("none"))
		})
		expires := time.Now().Add(30 * 24 * time.Hour)
		same(t, []narrative.Datum{{
			Origin: "shop", Name: "paid", Level: narrative.Info, ThreadID: "thread-1", At: time.Now(), ExpiresAt: &expires,
			Note: json.RawMessage(`{"request":7,"order":{"amount":12.5,"customer":{"name":"Ada"},"failure":"none"}}`),
		}}, datums)
	})
}

func TestLevelsOfLogsAreMapped(t *testing.T) {
	for level, want := range map[slog.Level]narrative.Level{
		-8: narrative.Trace, -5: narrative.Trace, slog.LevelDebug: narrative.Debug, -1: narrative.Debug, slog.LevelInfo: narrative.Info,
		slog.LevelWarn: narrative.Warn, 7: narrative.Warn, slog.LevelError: narrative.ErrorLevel, 12: narrative.ErrorLevel,
	} {
		datums := logged(t, narrative.SlogOptions{}, func(ctx context.Context, l *slog.Logger) { l.Log(ctx, level, "m") })
		same(t, want, datums[0].Level)
	}
}

func TestLogsBelowTheMinimumLevelAreNotMade(t *testing.T) {
	minimum := &changingLevel{}
	minimum.Store(narrative.Warn)
	store := &kept{}
	w := narrative.NewDatums(store, narrative.DatumsOptions{Config: minimum})
	strict := slog.LevelError
	l := slog.New(narrative.NewSlogHandler(w, "shop", narrative.SlogOptions{}))
	l.Info("quiet")
	l.Warn("loud")
	slog.New(narrative.NewSlogHandler(w, "shop", narrative.SlogOptions{Level: strict})).Warn("below its own")
	succeed(t, w.Close(t.Context()))
	same(t, map[string]int{"loud": 1}, store.names())
}

func TestLogsThatCannotBeKeptAsTheyAreAreKeptAsFarAsTheyCan(t *testing.T) {
	long, tags := strings.Repeat("ü", 200), strings.Repeat("<", 300<<10)
	datums := logged(t, narrative.SlogOptions{}, func(_ context.Context, l *slog.Logger) {
		l.Info("a\x00b\xff", "text", "c\x00d", "big", 9007199254740993, "msg", "an attribute of that name", "level", slog.LevelWarn)
		l.Info(long)
		l.Info("")
		l.Info("large", "text", strings.Repeat("x", narrative.MaxDatumNote))
		l.Info("deep", "raw", json.RawMessage(strings.Repeat("[", 1000)+strings.Repeat("]", 1000)))
		l.Info("raw", "k", 1, "k", 2, "raw", json.RawMessage("\"\xff\\\\u0000\\u0000\""), "k", 3)
		l.Info("tags", "text", tags+"\x00")
	})
	var got []string
	for _, d := range datums {
		got = append(got, d.Name+" "+string(d.Note))
	}
	want := []string{
		"a\ufffdb\ufffd " + `{"text":"c` + "\ufffd" + `d","big":9007199254740993,"msg":"an attribute of that name","level":"WARN"}`,
		strings.Repeat("ü", 126) + "… " + `{"message":"` + long + `"}`,
		"(no message) null",
		`large {"omitted":"the note is 1048587 bytes of JSON; at most 1048576 fit"}`,
		`deep {"omitted":"the note is nested more than 1000 deep"}`,
		"raw " + `{"raw":"` + "�" + `\\u0000` + "�" + `","k":3}`,
		"tags " + `{"text":"` + tags + "�" + `"}`,
	}
	slices.Sort(want) // two batches may be stored at once
	slices.Sort(got)
	same(t, want, got)
}

func TestAThreadThatCannotBeKeptIsCut(t *testing.T) {
	datums := logged(t, narrative.SlogOptions{}, func(ctx context.Context, l *slog.Logger) {
		l.InfoContext(narrative.WithThread(ctx, strings.Repeat("x", 256)), "m")
		l.InfoContext(narrative.WithThread(ctx, "a\x00b"), "m")
	})
	same(t, []string{strings.Repeat("x", 252) + "…", "a\ufffdb"}, []string{datums[0].ThreadID, datums[1].ThreadID})
}

func TestWhoseContextIsOverLogsAsWell(t *testing.T) {
	datums := logged(t, narrative.SlogOptions{}, func(ctx context.Context, l *slog.Logger) {
		over, cancel := context.WithCancel(narrative.WithThread(ctx, "t"))
		cancel()
		for range 1000 {
			l.InfoContext(over, "cancelled")
		}
	})
	same(t, 1000, len(datums))
	same(t, "t", datums[0].ThreadID)
}

// chatty logs while it is made text of, and says of which record it is.
type chatty struct {
	to *slog.Logger
	n  int
}

func (c chatty) LogValue() slog.Value { c.to.Info("resolved"); return slog.IntValue(c.n) }

func (c chatty) MarshalJSON() ([]byte, error) { c.to.Info("encoded"); return json.Marshal(c.n) }

func TestAttributesMayLogThemselves(t *testing.T) {
	datums := logged(t, narrative.SlogOptions{}, func(_ context.Context, l *slog.Logger) {
		var all sync.WaitGroup
		for g := range 8 {
			all.Go(func() {
				l := l.With("g", g)
				for n := range 100 {
					l.Info(fmt.Sprint(g, " ", n), "n", chatty{l, n}, "in", []any{chatty{l, n}})
				}
			})
		}
		all.Wait()
	})
	names := map[string]int{}
	for _, d := range datums {
		names[d.Name]++
		var g, n int
		if _, err := fmt.Sscan(d.Name, &g, &n); err == nil {
			same(t, fmt.Sprintf(`{"g":%d,"n":%d,"in":[%d]}`, g, n, n), string(d.Note))
		}
	}
	same(t, []int{802, 800, 800}, []int{len(names), names["resolved"], names["encoded"]})
}

func TestAHandlerOfNoOriginIsRefused(t *testing.T) {
	defer func() {
		same(t, any("narrative: make a slog handler: origin: is required"), recover())
	}()
	narrative.NewSlogHandler(nil, "", narrative.SlogOptions{})
}

func TestTheGroupOfNoNameIsNone(t *testing.T) {
	w := narrative.NewDatums(&kept{}, narrative.DatumsOptions{})
	defer func() { succeed(t, w.Close(t.Context())) }()
	h := narrative.NewSlogHandler(w, "shop", narrative.SlogOptions{})
	if h.WithGroup("") != slog.Handler(h) {
		t.Error("it is another handler")
	}
}

func TestTheHandlerKeepsTheRulesOfSlog(t *testing.T) {
	var store *kept
	var w *narrative.Datums
	given := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) // to datums that have no time
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		store = &kept{}
		w = narrative.NewDatums(store, narrative.DatumsOptions{Now: func() time.Time { return given }})
		return narrative.NewSlogHandler(w, "shop", narrative.SlogOptions{})
	}, func(t *testing.T) map[string]any {
		succeed(t, w.Close(t.Context()))
		d := store.batches[0][0]
		entry := map[string]any{}
		if err := json.Unmarshal(d.Note, &entry); err != nil {
			t.Fatal(err)
		}
		if entry == nil {
			entry = map[string]any{}
		}
		entry[slog.LevelKey], entry[slog.MessageKey] = d.Level, d.Name
		if !d.At.Equal(given) { // else the record had none
			entry[slog.TimeKey] = d.At
		}
		return entry
	})
}
