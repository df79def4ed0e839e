package service

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/starter"
)

// mostSkew is how far the clocks of a process and of its store may be apart.
const mostSkew = 2 * time.Second

// otherPort is what to do where dev has another Temporal than the one that was looked at.
const otherPort = "where it told another port as it began, say which by --temporal-port"

// process is what to do with the processes of a deployment, or with the one of dev.
func (d *doctor) process(deployed, dev string) string {
	if d.dev {
		return dev
	}
	return deployed
}

// temporalOptions say where Temporal is: by the settings of the SDK, else on dev's port, else where the SDK looks.
func (d *doctor) temporalOptions() (client.Options, error) {
	options, err := temporalOptions()
	switch {
	case err != nil || options.HostPort != "":
	case d.dev:
		options.HostPort = net.JoinHostPort("127.0.0.1", strconv.Itoa(d.o.TemporalPort))
	default:
		options.HostPort = client.DefaultHostPort
	}
	return options, err
}

// looksAt says which store and which Temporal it is, without what is secret.
func (d *doctor) looksAt() string {
	temporal := "that of the TEMPORAL_* settings, which cannot be used"
	if options, err := d.temporalOptions(); err == nil {
		temporal = options.HostPort
	}
	text := "the store is " + d.o.storeName() + ", Temporal is at " + temporal
	if d.dev {
		text += " (of `narrative dev`)"
	}
	return text
}

// storeFile is the file of an embedded store.
func (o Options) storeFile() (path string, isFile bool) {
	path, isFile = strings.CutPrefix(o.DatabaseURL, "sqlite:")
	return strings.TrimPrefix(path, "//"), isFile
}

// storeName names the store, without its user, password and parameters.
func (o Options) storeName() string {
	if path, isFile := o.storeFile(); isFile {
		return path
	}
	u, err := url.Parse(o.DatabaseURL)
	if err != nil {
		return "that of NARRATIVE_DATABASE_URL"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// clocked is a store that may have a clock of its own.
type clocked interface {
	Clock(ctx context.Context) (now time.Time, own bool, err error)
}

// clock compares this process's clock with the store's. How long the question took is not held against either.
func (d *doctor) clock(ctx context.Context, store clocked) {
	before := d.o.Now()
	now, own, err := store.Clock(ctx)
	after := d.o.Now()
	switch {
	case err != nil:
		d.bad("store", err.Error(), "see that the database of NARRATIVE_DATABASE_URL answers")
		return
	case !own:
		return
	}
	var skew time.Duration
	switch {
	case now.Before(before):
		skew = now.Sub(before)
	case now.After(after):
		skew = now.Sub(after)
	}
	if skew.Abs() > mostSkew {
		which := "ahead of"
		if skew < 0 {
			which = "behind"
		}
		d.bad("store", fmt.Sprintf("the database's clock is %s %s this machine's", skew.Abs().Round(100*time.Millisecond), which),
			"keep the clocks of both right, by NTP or chrony: schedules, snoozes and time limits go by them")
		return
	}
	d.good("store", "its clock agrees with this machine's")
}

// metas looks at what the store holds.
func (d *doctor) metas(ctx context.Context, store narrative.MetaStore) {
	assertions, err := store.AssertionMetas(ctx)
	if err != nil {
		d.bad("store", err.Error(), "see that the database of NARRATIVE_DATABASE_URL answers")
		return
	}
	events, err := store.EventMetas(ctx)
	if err != nil {
		d.bad("store", err.Error(), "see that the database of NARRATIVE_DATABASE_URL answers")
		return
	}
	if len(assertions) == 0 {
		d.good("store", "it holds no assertion yet: `narrative apply -f narrative.yaml` brings some")
	}
	note := func(m narrative.Meta) {
		if m.Enabled && m.Queue != "" && m.Queue != narrative.TaskQueue && !slices.Contains(d.queues, m.Queue) {
			d.queues = append(d.queues, m.Queue)
		}
	}
	for _, m := range assertions {
		note(m.Meta)
	}
	for _, m := range events {
		note(m.Meta)
	}
	slices.Sort(d.queues)
}

// triggers compares what sets checks going with what the metas ask for.
func (d *doctor) triggers(ctx context.Context, c client.Client) {
	if d.held == nil {
		return
	}
	s, err := starter.New(starter.Options{Client: c, Store: d.held, Trigger: d.o.Trigger, Now: d.o.Now, Logger: d.o.Logger})
	if err != nil {
		return // the trigger is no trigger, which was said
	}
	found, err := s.Compare(ctx)
	if err != nil {
		d.bad("temporal", "the triggers cannot be listed: "+err.Error(), "see that this user may list workflows and schedules")
		return
	}
	d.compared(found)
}

func (d *doctor) compared(found starter.Compared) {
	do := d.process("a running `narrative serve` or `narrative worker` sees to it within a minute; see that one runs, and that "+
		"--trigger is the same for all, this command included",
		"a running `narrative dev` sees to it within a minute; see that it runs, and that --trigger is the same for this command; "+otherPort)
	well := true
	for _, wrong := range []struct {
		ids  []string
		text string
	}{
		{found.Missing, "nothing sets going"},
		{found.Stale, "triggers do not match their meta any more"},
		{found.Surplus, "triggers belong to no enabled meta"},
	} {
		if len(wrong.ids) > 0 {
			well = false
			d.bad("temporal", fmt.Sprintf("%s: %s", wrong.text, few(wrong.ids)), do)
		}
	}
	if well && found.Held > 0 {
		triggers := "triggers"
		if found.Held == 1 {
			triggers = "trigger"
		}
		d.good("temporal", fmt.Sprintf("%d %s, as the metas ask for", found.Held, triggers))
	}
}

// fewNames is how many names a finding tells.
const fewNames = 5

func few(names []string) string {
	if len(names) <= fewNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:fewNames], ", "), len(names)-fewNames)
}

// pollers looks for a worker at each task queue: the house's own, and those that metas name.
func (d *doctor) pollers(ctx context.Context, c client.Client, namespace string) {
	type queue struct {
		name, do string
		kind     enumspb.TaskQueueType
	}
	start := d.process("start `narrative worker`", "start `narrative dev`; "+otherPort)
	queues := []queue{
		{narrative.TaskQueue, start, enumspb.TASK_QUEUE_TYPE_WORKFLOW},
		{narrative.TaskQueue, start, enumspb.TASK_QUEUE_TYPE_ACTIVITY},
		{narrative.NotifyTaskQueue, start, enumspb.TASK_QUEUE_TYPE_WORKFLOW},
		{narrative.NotifyTaskQueue, start, enumspb.TASK_QUEUE_TYPE_ACTIVITY},
	}
	for _, name := range d.queues {
		queues = append(queues, queue{name, "start `narrative worker --queue " + name + "` where its checks can be made, or correct the queue of the metas that name it", enumspb.TASK_QUEUE_TYPE_ACTIVITY})
	}
	told := map[string]bool{} // a queue is told of once, and by what is wrong first
	for _, q := range queues {
		if told[q.name] {
			continue
		}
		answer, err := c.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace: namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: q.name}, TaskQueueType: q.kind,
		})
		switch {
		case err != nil:
			d.bad("temporal", fmt.Sprintf("task queue %s: %s", q.name, innermost(err)), "see that this user may read task queues")
			told[q.name] = true
		case len(answer.GetPollers()) == 0:
			d.bad("temporal", "no worker polls the task queue "+q.name, q.do)
			told[q.name] = true
		case q.kind == enumspb.TASK_QUEUE_TYPE_ACTIVITY:
			d.good("temporal", fmt.Sprintf("%d pollers on the task queue %s", len(answer.GetPollers()), q.name))
		}
	}
}
