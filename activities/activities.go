// Package activities is everything Narrative's workflows do outside of themselves: making checks, changing issues,
// running actions, telling people, sweeping. Its one struct, [Activities], holds what they depend on; named input and
// output structs stand beside each method.
//
// Every activity is safe to repeat: it finds its own earlier work by a key before doing it again. Errors leave as
// Temporal application errors whose type is the [narrative.ErrorKind]; see [Kind].
package activities

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	narrative "github.com/narrative-go/narrative"
)

// Deliverer is the link to Temporal that activities need: it tells workflows what the store has decided. starter
// implements it.
type Deliverer interface {
	// HandOver signals the issue's workflow, or starts the occurrence's; starting it where it does not run.
	HandOver(ctx context.Context, h narrative.Handoff) error
	// Notify starts the workflow that sends the notification, unless it runs.
	Notify(ctx context.Context, key string) error
	// Refresh has the post's message brought up to date, and does not wait for it.
	Refresh(ctx context.Context, p narrative.Post) error
	// StartCheck has the assertion or event checked at once, and does not wait for it.
	StartCheck(ctx context.Context, kind narrative.MetaKind, name string) error
	// Reconcile makes Temporal match the store.
	Reconcile(ctx context.Context) (narrative.Reconciled, error)
}

// Options are what [New] needs. All but those with a default are required.
type Options struct {
	Store       narrative.Store
	Registry    *narrative.Registry
	Executor    narrative.Executor
	CompileCase narrative.CaseCompiler
	Channels    map[string]narrative.Channel // by name; a missing one leaves its notifications undelivered
	Deliverer   Deliverer

	LookupEnv func(string) (string, bool)     // default os.LookupEnv
	ReadFile  func(string) ([]byte, error)    // default os.ReadFile
	Now       func() time.Time                // default time.Now
	Logger    *slog.Logger                    // default discards
	Told      func(at time.Time, text string) // hears in plain words what happened; default nobody
	Observer  Observer                        // counts what was done; default nobody
}

// Activities are Narrative's activities. Register a value of it with a worker.
type Activities struct {
	o       Options
	configs *narrative.ConfigCache // for datums, which are many
	boards  bool                   // there are channels whose messages are edited
}

// New returns the activities, or an error that names what is missing.
func New(o Options) (*Activities, error) {
	for name, missing := range map[string]bool{
		"Store": o.Store == nil, "Registry": o.Registry == nil, "Executor": o.Executor == nil,
		"CompileCase": o.CompileCase == nil, "Deliverer": o.Deliverer == nil,
	} {
		if missing {
			return nil, fmt.Errorf("activities: Options.%s is required", name)
		}
	}
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	if o.ReadFile == nil {
		o.ReadFile = os.ReadFile
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Told == nil {
		o.Told = func(time.Time, string) {}
	}
	if o.Observer == nil {
		o.Observer = unobserved{}
	}
	a := &Activities{o: o, configs: narrative.NewConfigCache(o.Store, nil)}
	for _, c := range o.Channels {
		if _, board := c.(narrative.Board); board {
			a.boards = true
		}
	}
	return a, nil
}

func (a *Activities) now() time.Time { return a.o.Now().UTC().Truncate(time.Microsecond) }

func (a *Activities) told(format string, args ...any) {
	a.o.Told(a.now(), fmt.Sprintf(format, args...))
}

// HeartbeatTimeout is how long Temporal waits for a sign of life from an activity; beats are sent in a third of it.
const HeartbeatTimeout = 15 * time.Second

// beat keeps the activity's heart beating until stop is called. The first beat comes late, so that a quick activity
// costs none.
func beat(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(HeartbeatTimeout / 3)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return func() { close(done) }
}

// guarded runs the user's code and turns a panic into an error without a stack trace.
func guarded(run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panicked: %v", p)
		}
	}()
	return run()
}

// lasting is a context for writing down what has happened although ctx may have ended; it lasts ten seconds.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}

// Bounds on handing over: how many hand-offs are under way at once, and after how many they are marked done.
const (
	handOverAtOnce = 8
	handOverBatch  = 100
)

// deliver hands over what the store decided and marks it done, batch by batch. It is best effort: what fails now, or is
// left when ctx ends, Reconcile sends again, so it never fails its activity.
func (a *Activities) deliver(ctx context.Context, handoffs []narrative.Handoff) {
	for batch := range slices.Chunk(handoffs, handOverBatch) {
		if ctx.Err() != nil {
			a.o.Logger.Warn("hand-offs are left for later", "error", ctx.Err())
			return
		}
		done := a.handOver(ctx, batch)
		if len(done) == 0 {
			continue
		}
		if err := a.o.Store.HandoffsDone(ctx, done, a.now()); err != nil {
			a.o.Logger.Warn("hand-offs could not be marked done; they will be sent again", "error", err)
		}
	}
}

// handOver hands a batch over and returns the ids of those that went well.
func (a *Activities) handOver(ctx context.Context, batch []narrative.Handoff) (done []string) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	slots := make(chan struct{}, handOverAtOnce)
	for _, h := range batch {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			if err := a.o.Deliverer.HandOver(ctx, h); err != nil {
				a.o.Logger.Warn("hand-off failed; it will be sent again", "workflow_id", h.WorkflowID, "error", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			done = append(done, h.ID)
		})
	}
	wait.Wait()
	return done
}

// notify starts the workflows that send messages, one each; best effort, like deliver.
func (a *Activities) notify(ctx context.Context, notifications []narrative.Notification) {
	started := map[string]bool{}
	for _, n := range notifications {
		if n.State == narrative.NotificationSuppressed || started[n.Batch] {
			continue
		}
		started[n.Batch] = true
		if err := a.o.Deliverer.Notify(ctx, n.Batch); err != nil {
			a.o.Logger.Warn("notification could not be started; it will be tried again", "key", n.Batch, "error", err)
		}
	}
}

// refresh has the messages that stand for the issue brought up to date, where it has any. Best effort: what was missed
// is made up for by the issue's next change, and by what is told of it.
func (a *Activities) refresh(ctx context.Context, issueID string) {
	if !a.boards {
		return
	}
	posts, err := a.o.Store.Posts(ctx, issueID)
	if err != nil {
		a.o.Logger.Warn("the messages that stand for an issue are not brought up to date now", "issue_id", issueID, "error", err)
	}
	a.refreshPosts(ctx, posts)
}

// refreshPosts has the messages of posts brought up to date, each once.
func (a *Activities) refreshPosts(ctx context.Context, posts []narrative.Post) {
	asked := map[RefreshInput]bool{}
	for _, p := range posts {
		message := RefreshInput{Channel: p.Channel, Place: p.Place, Message: p.Message}
		if asked[message] {
			continue
		}
		asked[message] = true
		if err := a.o.Deliverer.Refresh(ctx, p); err != nil {
			a.o.Logger.Warn("a message is not brought up to date now", "channel", p.Channel, "recipient", p.Recipient, "error", err)
		}
	}
}

// surround gives code that runs inside an activity what it can reach.
func (a *Activities) surround(ctx context.Context, s *secrets, last *narrative.Verdict) context.Context {
	return narrative.WithSurroundings(ctx, narrative.Surroundings{Log: a.logDatum(s), Datums: a.o.Store, Last: last})
}

// logDatum writes datums for code that runs inside an activity, by the configuration of the moment.
func (a *Activities) logDatum(secrets *secrets) func(context.Context, narrative.Datum) error {
	return func(ctx context.Context, d narrative.Datum) error {
		if err := d.Validate().Err(); err != nil {
			return fmt.Errorf("log datum %s: %w", d.Name, err)
		}
		d.Level, _ = narrative.ParseLevel(string(d.Level))
		config, err := a.configs.Config(ctx)
		if err != nil {
			return fmt.Errorf("log datum %s: %w", d.Name, err)
		}
		if d.Level.Rank() < config.MinimumDatumLogLevel.Rank() {
			a.o.Observer.Logged(false)
			return nil
		}
		now := a.now()
		if d.At.IsZero() {
			d.At = now
		}
		if d.ExpiresAt == nil && config.DefaultDatumTTL > 0 {
			expires := now.Add(time.Duration(config.DefaultDatumTTL))
			d.ExpiresAt = &expires
		}
		d.Note = secrets.redactJSON(d.Note)
		_, err = a.o.Store.AddDatums(ctx, []narrative.Datum{d})
		if err == nil {
			a.o.Observer.Logged(true)
		}
		return err
	}
}
