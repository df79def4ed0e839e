package service

import (
	"context"
	"log/slog"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
	"github.com/narrative-go/narrative/diagnosis"
	"github.com/narrative-go/narrative/starter"
	"github.com/narrative-go/narrative/worker"
	"github.com/narrative-go/narrative/workflows"
)

// dialWithin is how long Temporal may take to answer at start-up.
const dialWithin = 10 * time.Second

// dial connects to Temporal: to the embedded server, which it starts, or to what the SDK's own configuration
// (TEMPORAL_* variables and profiles) names.
func (s *Service) dial(ctx, _ context.Context) error {
	options, err := temporalOptions()
	if err != nil {
		return err
	}
	if s.o.Embedded != nil && options.HostPort == "" {
		embedded, err := s.o.Embedded(ctx, EmbeddedOptions{
			DataDir: s.o.DataDir, Port: s.o.TemporalPort, UIPort: s.o.UIPort,
			SearchAttributes: workflows.AttributeNames, Logger: s.o.Logger,
		})
		if err != nil {
			return err
		}
		s.embedded = embedded
		s.onStop(embedded.Stop)
		options.HostPort = embedded.Address()
	}
	if err := observed(&options, s.metrics, s.tracer); err != nil {
		return err
	}
	s.client, err = dial(ctx, options, s.o)
	if err == nil {
		s.onStop(s.client.Close)
	}
	return err
}

func temporalOptions() (client.Options, error) {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return options, narrative.Errorf(narrative.Invalid, "the TEMPORAL_* settings cannot be used: %v", err)
	}
	return options, nil
}

func dial(ctx context.Context, options client.Options, o Options) (client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	options.Logger = log.NewStructuredLogger(slog.New(expected{o.Logger.Handler()}))
	address := options.HostPort
	if address == "" {
		address = client.DefaultHostPort
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, narrative.Errorf(narrative.Unavailable, "Temporal does not answer at %s; start it there, or set TEMPORAL_ADDRESS (%s)", address, innermost(err))
	}
	return c, nil
}

// innermost is the part of a gRPC error's text that says why.
func innermost(err error) string {
	text := cause(err).Error()
	if i := strings.LastIndex(text, "desc = "); i >= 0 {
		text = strings.Trim(text[i+len("desc = "):], `"\`)
	}
	return text
}

// startStarter makes the half that calls Temporal.
func (s *Service) startStarter(ctx, _ context.Context) error {
	missing, err := starter.MissingAttributes(ctx, s.client, s.namespace())
	if err != nil || len(missing) > 0 {
		s.o.Logger.Warn("the search attributes are missing, so the Temporal UI cannot filter by them; run `narrative setup`", "missing", missing, "error", err)
	}
	s.starter, err = starter.New(starter.Options{
		Client: s.client, Store: s.store, Trigger: s.o.Trigger, Attributes: err == nil && len(missing) == 0, Now: s.o.Now, Logger: s.o.Logger,
	})
	if err != nil {
		return err
	}
	return s.starter.Claim(ctx)
}

func (s *Service) namespace() string {
	options, err := temporalOptions()
	if err != nil || options.Namespace == "" {
		return client.DefaultNamespace
	}
	return options.Namespace
}

// startWorker makes the half that answers Temporal.
func (s *Service) startWorker(context.Context, context.Context) error {
	if !s.o.Worker {
		return nil
	}
	run, err := s.executor()
	if err != nil {
		return err
	}
	channels, err := s.channels()
	if err != nil {
		return err
	}
	acts, err := activities.New(activities.Options{
		Store: s.store, Registry: s.o.Registry, Executor: run, CompileCase: diagnosis.Compile, Channels: channels,
		Deliverer: s.starter, Now: s.o.Now, Logger: s.o.Logger, Observer: s.metrics,
		Told: func(at time.Time, text string) { s.o.Told(Happening{At: at, Text: text}) },
	})
	if err != nil {
		return err
	}
	s.worker, err = worker.New(worker.Options{Client: s.client, Activities: acts, Queues: s.o.Queues, Failed: s.fail})
	if err != nil {
		return err
	}
	s.metrics.begin()
	if err := s.worker.Start(); err != nil {
		return err
	}
	s.onStop(s.worker.Stop)
	return nil
}

// fail reports what ends the process; the first wins.
func (s *Service) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// polled answers nil when a worker polls the house's task queue.
func (s *Service) polled(ctx context.Context) error {
	answer, err := s.client.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: s.namespace(), TaskQueue: &taskqueuepb.TaskQueue{Name: narrative.TaskQueue},
		TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW,
	})
	if err != nil {
		return err
	}
	if len(answer.GetPollers()) == 0 {
		return narrative.Errorf(narrative.Unavailable, "no worker polls the task queue %s; start `narrative worker`", narrative.TaskQueue)
	}
	return nil
}

// Setup makes the search attributes in the namespace that the TEMPORAL_* settings name and returns those that were
// missing.
func Setup(ctx context.Context, o Options) ([]string, error) {
	options, err := temporalOptions()
	if err != nil {
		return nil, err
	}
	c, err := dial(ctx, options, o.withDefaults())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	namespace := options.Namespace
	if namespace == "" {
		namespace = client.DefaultNamespace
	}
	return starter.MakeAttributes(ctx, c, namespace)
}
