package cli

import (
	"context"
	"strings"
	"testing"
)

// TestDatumsAreLoggedFoundFollowedAndSwept asks the real API, on a store.
func TestDatumsAreLoggedFoundFollowedAndSwept(t *testing.T) {
	t.Parallel()
	w, _ := withStore(t, "sqlite")
	log := func(name, note string, more ...string) {
		t.Helper()
		w.fresh(append([]string{"datum", "log", "shop", name, "--note", note}, more...)...).is(t, 0, "stored\n", "")
	}
	log("first", `{"customer": 42, "items": [{"sku": "x"}]}`)
	log("second", `{"customer": 43}`)
	log("third", `{"customer": 42}`)
	log("gone", `{"customer": 42}`, "--ttl", "1us")

	for want, flags := range map[string][]string{
		"third first": {"--note", "customer=42"},
		"first third": {"--note", "customer=42", "--order", "oldest"},
		"first":       {"--note", "customer=42", "--note", "items[0].sku=x"},
		"second":      {"--note", "customer=43", "--q", "second"},
	} {
		if got := strings.Join(w.datumNames(t, flags...), " "); got != want {
			t.Errorf("%v lists %q, want %q", flags, got, want)
		}
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	follower := setup(t)
	follower.env = w.env
	ended := make(chan result, 1)
	go func() {
		ended <- follower.runUntil(ctx, []string{"datum", "tail", "-n", "1", "--note", "customer=42"})
	}()
	eventually(t, "the newest is printed", func() bool { return strings.Contains(follower.stdout.String(), "third") })
	log("fourth", `{"customer": 43}`)
	log("fifth", `{"customer": 42}`)
	eventually(t, "what comes is printed", func() bool { return strings.Contains(follower.stdout.String(), "fifth") })
	stop()
	r := <-ended
	r.is(t, 0, "shop  fifth", "")
	if lines := strings.Count(r.stdout, "\n"); lines != 2 {
		t.Errorf("it printed %d lines, want 2:\n%s", lines, r.stdout)
	}

	w.fresh("datum", "sweep").is(t, 0, "removed 1 expired datum\n", "")
	w.fresh("datum", "sweep", "-o", "json").is(t, 0, `{"datums":0}`+"\n", "")
}

// datumNames are the names of the datums of the shop that are listed, in their order.
func (w *world) datumNames(t *testing.T, flags ...string) (names []string) {
	t.Helper()
	r := w.fresh(append([]string{"datum", "list"}, flags...)...)
	r.is(t, 0, "shop", "")
	for _, line := range strings.Split(strings.TrimSpace(r.stdout), "\n")[1:] {
		_, after, _ := strings.Cut(line, "shop")
		names = append(names, strings.Fields(after)[0])
	}
	return names
}

func TestRunsShowInTheHistory(t *testing.T) {
	t.Parallel()
	w, _ := withStore(t, "sqlite")
	w.fresh("heartbeat", "history", "job").is(t, 1, "", `heartbeat "job" has never beat`)
	w.fresh("heartbeat", "run", "job", "--", "true").is(t, 0, "", "")
	w.fresh("heartbeat", "list").is(t, 0, `"exit_code":0}`, "")
	w.fresh("heartbeat", "history", "job").is(t, 0, "job: up 100% of the time (1 beat; too few beats to tell a silence from an outage)\n", "")
	w.fresh("heartbeat", "run", "job", "--", "sh", "-c", "exit 3").is(t, 3, "", "")
	w.fresh("heartbeat", "list").is(t, 0, "job   fail", "")
	r := w.fresh("heartbeat", "history", "job", "--threshold", "1h")
	r.is(t, 0, "a silence of more than 1h is an outage", "")
	if !strings.Contains(r.stdout, "\ndown ") {
		t.Errorf("a failure is not down:\n%s", r.stdout)
	}
}
