package cli

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative/service"
)

func TestDoctorIsQuietAboutWhatIsWell(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var asked service.Options
	w.wiring.doctor = func(_ context.Context, o service.Options) []service.Finding {
		asked = o
		return []service.Finding{{Part: "store", OK: true, Text: "it answers"}, {Part: "temporal", Text: "no worker", Do: "start one"}}
	}
	w.run("doctor", "--trigger", "schedule").is(t, 1, "ok   store          it answers\nBAD  temporal       no worker\n                    start one\n", "")
	if asked.Trigger != "schedule" {
		t.Errorf("the doctor is told of the trigger %q", asked.Trigger)
	}
	w.stdout = buffer{}
	if r := w.run("doctor", "--quiet"); r.stdout != "BAD  temporal       no worker\n                    start one\n" || r.code != 1 {
		t.Errorf("%+v", r)
	}
}

func TestAWorkerTellsItsMetricsWhereItIsTold(t *testing.T) {
	t.Parallel()
	s := &fakeServer{}
	w := withServer(t, s)
	w.env["NARRATIVE_METRICS_LISTEN"] = "127.0.0.1:9321"
	ctx, stop := context.WithCancel(context.Background())
	stop()
	w.runUntil(ctx, []string{"worker"}).is(t, 0, "", "http://127.0.0.1:9321/metrics")
	w = setup(t)
	w.env["NARRATIVE_DATABASE_URL"] = "sqlite:x"
	w.run("worker", "--metrics-listen", "9321").is(t, 2, "", `--metrics-listen "9321" is not an address such as 127.0.0.1:9321`)
}

func TestQuietCommandsDoWhatTheyDo(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"POST /api/v1/issues/i1/comment": {{200, `{"id":"i1","status":"open"}`}}})
	w.run("issue", "comment", "i1", "text", "--quiet").is(t, 0, "", "")
	if diff := cmp.Diff(1, len(api.asked)); diff != "" {
		t.Error(diff)
	}
	w.run("issue", "comment", "i2", "text", "--quiet").is(t, 1, "", "narrative: there is nothing at")
	setup(t).run("version", "--quiet").is(t, 0, "narrative 1.2.3", "")
}

func TestATableIsAlignedWithAndWithoutColors(t *testing.T) {
	t.Parallel()
	rows := func() [][]string {
		return [][]string{{"é", "open", ""}, {"two", "", "x"}, {"", "resolved (late)", "y"}}
	}
	var plain, colorful strings.Builder
	if err := tabulate(&screen{to: &plain}, []string{"ID", "STATUS", "NOTE"}, rows()); err != nil {
		t.Fatal(err)
	}
	if err := tabulate(&screen{to: &colorful, colors: true}, []string{"ID", "STATUS", "NOTE"}, rows()); err != nil {
		t.Fatal(err)
	}
	want := "ID   STATUS           NOTE\né    open\ntwo                   x\n     resolved (late)  y\n"
	if diff := cmp.Diff(want, plain.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	bare := strings.NewReplacer("\x1b[33m", "", "\x1b[32m", "", "\x1b[0m", "").Replace(colorful.String())
	if bare != want || bare == colorful.String() {
		t.Errorf("with colors: %q", colorful.String())
	}
}
