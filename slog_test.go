package narrative_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
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
	long := strings.Repeat("ü", 200)
	datums := logged(t, narrative.SlogOptions{}, func(_ context.Context, l *slog.Logger) {
		l.Info("a\x00b\xff", "text", "c\x00d", "big", 9007199254740993, "msg", "an attribute of that name")
		l.Info(long)
		l.Info("")
		l.Info("large", "text", strings.Repeat("x", narrative.MaxDatumNote))
	})
	var got []string
	for _, d := range datums {
		got = append(got, d.Name+" "+string(d.Note))
	}
	same(t, []string{
		"a\ufffdb\ufffd " + `{"big":9007199254740993,"msg":"an attribute of that name","text":"c` + "\ufffd" + `d"}`,
		strings.Repeat("ü", 126) + "… " + `{"message":"` + long + `"}`,
		"(no message) null",
		`large {"omitted":"the attributes are 1048587 bytes of JSON; at most 1048576 fit"}`,
	}, got)
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
