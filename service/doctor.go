package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/starter"
)

// Finding is one thing that Doctor looked at.
type Finding struct {
	Part string `json:"part"` // configuration, store, temporal, email or slack
	OK   bool   `json:"ok"`
	Text string `json:"text"` // what was found
	Do   string `json:"do"`   // what to do about it; empty where it is well
}

// leastRetention is the shortest retention that still shows yesterday's checks in the Temporal UI.
const leastRetention = 24 * time.Hour

// Doctor looks at everything that a process of these options needs, and says what to do about what is not well. It
// changes nothing. Options.API and Options.Worker do not matter. With Options.TemporalPort it looks at what
// `narrative dev` runs on: its Temporal is on that port, unless the TEMPORAL_* settings name another.
func Doctor(ctx context.Context, o Options) []Finding {
	o.API, o.Worker = false, true
	o = o.withDefaults()
	d := &doctor{o: o, dev: o.TemporalPort != 0}
	if err := o.check(); err != nil {
		d.bad("configuration", err.Error(), "correct the setting that it names")
	} else {
		d.good("configuration", "the settings can be used: "+d.looksAt())
	}
	if o.DatabaseURL != "" {
		d.store(ctx)
	}
	if d.held != nil {
		defer d.held.Close()
	}
	d.temporal(ctx)
	d.channels(ctx)
	return d.findings
}

type doctor struct {
	o        Options
	findings []Finding
	held     *persistence.Store // nil where it cannot be used
	queues   []string           // that metas name, besides the house's own
	dev      bool               // it is `narrative dev` that is looked at
}

func (d *doctor) good(part, text string) {
	d.findings = append(d.findings, Finding{part, true, text, ""})
}

func (d *doctor) bad(part, text, do string) {
	d.findings = append(d.findings, Finding{part, false, text, do})
}

func (d *doctor) store(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	if path, isFile := d.o.storeFile(); isFile {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) { // which opening it would make
			d.bad("store", "there is no file "+path, d.process("see that NARRATIVE_DATABASE_URL names the right one, and run `narrative migrate`",
				"start `narrative dev`, say by --data-dir where it keeps its data, or set NARRATIVE_DATABASE_URL"))
			return
		}
	}
	store, err := persistence.Open(ctx, d.o.DatabaseURL, persistence.Options{Logger: d.o.Logger})
	if err != nil {
		d.bad("store", err.Error(), d.process("see that the database of NARRATIVE_DATABASE_URL is there, and run `narrative migrate`",
			"start `narrative dev`, which brings it up to date"))
		return
	}
	d.held = store
	version, err := store.SchemaVersion(ctx)
	if err != nil {
		d.bad("store", err.Error(), "see that the database of NARRATIVE_DATABASE_URL answers")
		return
	}
	d.good("store", fmt.Sprintf("it answers, and its tables are at version %d, which this program expects", version))
	d.clock(ctx, store)
	d.metas(ctx, store)
}

func (d *doctor) temporal(ctx context.Context) {
	const part = "temporal"
	options, err := d.temporalOptions()
	if err != nil {
		d.bad(part, err.Error(), "correct the TEMPORAL_* variables or the profile")
		return
	}
	c, err := dial(ctx, options, d.o)
	if err != nil {
		d.bad(part, err.Error(), d.process("start Temporal, or set TEMPORAL_ADDRESS to where it is", "start `narrative dev`; "+otherPort))
		return
	}
	defer c.Close()
	namespace := options.Namespace
	if namespace == "" {
		namespace = client.DefaultNamespace
	}
	d.good(part, "it answers at "+options.HostPort)
	if d.namespace(ctx, c, namespace) {
		d.attributes(ctx, c, namespace)
		d.triggers(ctx, c)
		d.pollers(ctx, c, namespace)
	}
}

func (d *doctor) namespace(ctx context.Context, c client.Client, namespace string) bool {
	answer, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if err != nil {
		d.bad("temporal", fmt.Sprintf("namespace %s: %s", namespace, innermost(err)),
			"make it with `temporal operator namespace create -n "+namespace+"`, or set TEMPORAL_NAMESPACE to one that is there")
		return false
	}
	retention := answer.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	if retention < leastRetention {
		d.bad("temporal", fmt.Sprintf("namespace %s keeps history for only %s", namespace, narrative.Duration(retention)),
			"keep it longer with `temporal operator namespace update -n "+namespace+" --retention 3d`")
	} else {
		d.good("temporal", fmt.Sprintf("namespace %s keeps history for %s", namespace, narrative.Duration(retention)))
	}
	return true
}

func (d *doctor) attributes(ctx context.Context, c client.Client, namespace string) {
	missing, err := starter.MissingAttributes(ctx, c, namespace)
	switch {
	case err != nil:
		d.bad("temporal", err.Error(), "see that this user may read the namespace's search attributes")
	case len(missing) > 0:
		d.bad("temporal", "search attributes are missing: "+strings.Join(missing, ", "), d.process("run `narrative setup`, then start the processes again",
			"it may be no Temporal of `narrative dev`; "+otherPort))
	default:
		d.good("temporal", "the search attributes are there")
	}
}
