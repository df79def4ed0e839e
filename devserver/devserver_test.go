package devserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

func TestServerKeepsWhatItWasTold(t *testing.T) {
	dir := t.TempDir()
	first, _ := startServer(t, Options{DataDir: dir})
	c := dial(t, first.Address())
	stop := startWorker(t, c)
	run := execute(t, c, client.StartWorkflowOptions{ID: "greeting"}, greet, "world")
	if got, want := result(t, run), "hello, world"; got != want {
		t.Fatalf("result: want %q, got %q", want, got)
	}
	stop()
	c.Close()
	first.Stop()

	second, _ := startServer(t, Options{DataDir: dir})
	c = dial(t, second.Address())
	if got, want := result(t, c.GetWorkflow(t.Context(), "greeting", "")), "hello, world"; got != want {
		t.Errorf("result after the restart: want %q, got %q", want, got)
	}
}

func TestStartAndStopAreQuietAndBounded(t *testing.T) {
	said := &record{}
	o := Options{DataDir: t.TempDir(), Logger: said.logger()}
	began := time.Now()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %s", time.Since(began))
	c := dial(t, s.Address())
	stop := startWorker(t, c)
	result(t, execute(t, c, client.StartWorkflowOptions{ID: "w"}, greet, "x"))
	stop()
	c.Close()
	began = time.Now()
	s.Stop()
	took := time.Since(began)
	t.Logf("stopped in %s", took)
	if took > stopTimeout {
		t.Errorf("Stop took %s; expected at most %s", took, stopTimeout)
	}
	s.Stop() // harmless
	if said.String() != "" {
		t.Errorf("an ordinary start and stop said:\n%s", said)
	}
}

func TestStopIsBoundedWhileAWorkerPolls(t *testing.T) {
	s, said := startServer(t, Options{})
	startWorker(t, dial(t, s.Address()))
	began := time.Now()
	s.Stop()
	if took := time.Since(began); took > stopTimeout+time.Second {
		t.Errorf("Stop took %s; expected about %s at most\n%s", took, stopTimeout, said)
	}
}

func TestNamespaceIsAsAskedAndChangesWithTheOptions(t *testing.T) {
	dir := t.TempDir()
	kinds := map[string]enumspb.IndexedValueType{"NarrativeKind": enumspb.INDEXED_VALUE_TYPE_KEYWORD}
	first, _ := startServer(t, Options{DataDir: dir, Namespace: "house", SearchAttributes: kinds})
	checkNamespace(t, first.Address(), "house", 72*time.Hour, kinds)
	first.Stop()

	more := maps.Clone(kinds)
	more["NarrativeRounds"] = enumspb.INDEXED_VALUE_TYPE_INT
	o := Options{DataDir: dir, Namespace: "house", SearchAttributes: more, Retention: 24 * time.Hour}
	second, _ := startServer(t, o)
	checkNamespace(t, second.Address(), "house", 24*time.Hour, more)
	second.Stop()

	o.SearchAttributes = map[string]enumspb.IndexedValueType{"NarrativeKind": enumspb.INDEXED_VALUE_TYPE_INT}
	_, err := Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "NarrativeKind exists as Keyword; expected Int") {
		t.Errorf("another type for an attribute: want an error that says so, got %v", err)
	}
}

func checkNamespace(t *testing.T, addr, name string, retention time.Duration, attrs map[string]enumspb.IndexedValueType) {
	t.Helper()
	c := dial(t, addr)
	ns, err := c.WorkflowService().DescribeNamespace(t.Context(),
		&workflowservice.DescribeNamespaceRequest{Namespace: name})
	if err != nil {
		t.Fatalf("describe namespace: %v", err)
	}
	if got := ns.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(); got != retention {
		t.Errorf("retention: want %s, got %s", retention, got)
	}
	list, err := c.OperatorService().ListSearchAttributes(t.Context(),
		&operatorservice.ListSearchAttributesRequest{Namespace: name})
	if err != nil {
		t.Fatalf("list search attributes: %v", err)
	}
	if got := list.GetCustomAttributes(); !maps.Equal(got, attrs) {
		t.Errorf("search attributes: want %v, got %v", attrs, got)
	}
}

func TestSearchAttributesCanBeUsedAtOnce(t *testing.T) {
	kind := temporal.NewSearchAttributeKeyKeyword("NarrativeKind")
	s, _ := startServer(t, Options{SearchAttributes: map[string]enumspb.IndexedValueType{
		kind.GetName(): enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	}})
	c := dial(t, s.Address())
	execute(t, c, client.StartWorkflowOptions{
		ID: "typed", TypedSearchAttributes: temporal.NewSearchAttributes(kind.ValueSet("assertion")),
	}, wait)
	eventually(t, 10*time.Second, "the workflow is found by its attribute", func() bool {
		list, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: "NarrativeKind = 'assertion'",
		})
		return err == nil && len(list.GetExecutions()) == 1
	})
}

func TestSearchAttributeAddedWhileRunningWorksWithinSeconds(t *testing.T) {
	s, _ := startServer(t, Options{})
	c := dial(t, s.Address())
	_, err := c.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace:        "default",
		SearchAttributes: map[string]enumspb.IndexedValueType{"Later": enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	})
	if err != nil {
		t.Fatalf("add search attribute: %v", err)
	}
	later := temporal.NewSearchAttributeKeyKeyword("Later")
	eventually(t, 5*time.Second, "a workflow starts with the attribute", func() bool {
		_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: "later", TaskQueue: testQueue,
			TypedSearchAttributes: temporal.NewSearchAttributes(later.ValueSet("x")),
		}, wait)
		return err == nil
	})
}

func TestUIAnswersFromItsOwnPages(t *testing.T) {
	o := Options{DataDir: t.TempDir(), Logger: (&record{}).logger()}
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	if page := get(t, s.UIURL()+"/"); !strings.Contains(strings.ToLower(page), "<!doctype html>") {
		t.Errorf("the start page is not a page: %.200q", page)
	}
	if got := get(t, s.UIURL()+"/api/v1/namespaces/default"); !strings.Contains(got, "NAMESPACE_STATE_REGISTERED") {
		t.Errorf("the API behind the UI does not know the namespace: %.200q", got)
	}
	if got := get(t, s.UIURL()+"/api/v1/settings"); !strings.Contains(got, `"DisableNewsFetch":true`) {
		t.Errorf("the UI would fetch news: %s", got)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v", url, answer.Status, err)
	}
	return string(bytes.TrimSpace(body))
}

func TestTakenPortIsRefusedBeforeAnythingStarts(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	taken := l.Addr().(*net.TCPAddr).Port
	for name, o := range map[string]Options{
		"the Temporal frontend": {Port: taken, UIPort: -1},
		"the Temporal UI":       {UIPort: taken},
	} {
		o.DataDir = t.TempDir()
		_, err := Start(t.Context(), o)
		if !errors.Is(err, ErrPortInUse) || !strings.Contains(err.Error(), fmt.Sprintf("port %d, wanted for %s", taken, name)) {
			t.Errorf("%s: want an error that names port %d, got %v", name, taken, err)
		}
		if made, _ := exists(o.DataDir + "/" + storeName); made {
			t.Errorf("%s: a store was made all the same", name)
		}
	}
}

func TestSecondServerOnADirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	first, _ := startServer(t, Options{DataDir: dir})
	_, err := Start(t.Context(), Options{DataDir: dir})
	if !errors.Is(err, ErrDataDirInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("want ErrDataDirInUse that names %s, got %v", dir, err)
	}
	first.Stop()
	startServer(t, Options{DataDir: dir})
}

func TestOptionsAreChecked(t *testing.T) {
	for want, o := range map[string]Options{
		"DataDir is required": {},
		"Port is 70000":       {DataDir: t.TempDir(), Port: 70000},
		"UIPort is -2":        {DataDir: t.TempDir(), UIPort: -2},
		"Retention is 1m0s":   {DataDir: t.TempDir(), Retention: time.Minute},
	} {
		if _, err := Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestCancelledStartIsAbandoned(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, err := Start(ctx, Options{DataDir: dir, Logger: (&record{}).logger()}); !errors.Is(err, context.Canceled) {
		t.Fatalf("want context.Canceled, got %v", err)
	}
	startServer(t, Options{DataDir: dir}) // the directory was let go
}
