package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/service"
)

// house is a Narrative with its worker in this process, its store in a SQLite file and its Temporal in another process;
// beside it, the bare worker that it is compared to.
type house struct {
	*bare
	service  *service.Service
	temporal client.Client
	passed   atomic.Int64           // checks of gatesClass that passed
	shut     atomic.Pointer[string] // the one gate that fails; nil: none
	stops    []func()               // newest last
}

// gatesClass is the class of every assertion here. It costs nothing but what Narrative does around it.
const gatesClass = "bench.Gate"

// gate passes, unless it is the one that is shut.
type gate struct {
	house *house
	Name  string `json:"name"`
}

// Check passes at once or fails at once.
func (g gate) Check(context.Context) (narrative.Verdict, error) {
	if shut := g.house.shut.Load(); shut != nil && *shut == g.Name {
		return narrative.Failed("the gate is shut"), nil
	}
	g.house.passed.Add(1)
	return narrative.Passed("the gate is open"), nil
}

// newHouse starts everything in dir; mail goes to smtpURL, or to an outbox where it is empty. more registers other
// classes.
func newHouse(ctx context.Context, dir, smtpURL string, more ...func(*narrative.Registry)) (_ *house, err error) {
	h := &house{}
	defer func() {
		if err != nil {
			h.stop()
		}
	}()
	address, stop, err := startTemporal(filepath.Join(dir, "temporal"))
	if err != nil {
		return nil, err
	}
	h.stops = append(h.stops, stop)
	if err := nameTemporal(address); err != nil {
		return nil, err
	}
	registry := narrative.NewRegistry()
	narrative.AddAssertion(registry, gatesClass, func(g gate) (narrative.Assertion, error) {
		g.house = h
		return g, nil
	})
	for _, add := range more {
		add(registry)
	}
	h.service, err = service.New(service.Options{
		Registry: registry, DatabaseURL: "sqlite:" + filepath.Join(dir, "narrative.db"), Migrate: true, Worker: true,
		DataDir: dir, SMTPURL: smtpURL, OutboxDir: filepath.Join(dir, "outbox"),
	})
	if err != nil {
		return nil, err
	}
	if err := h.service.Start(ctx); err != nil {
		return nil, err
	}
	h.stops = append(h.stops, h.service.Stop)
	if h.temporal, err = client.DialContext(ctx, client.Options{HostPort: address, Logger: silent{}}); err != nil {
		return nil, err
	}
	h.stops = append(h.stops, h.temporal.Close)
	if h.bare, err = newBare(h.temporal); err != nil {
		return nil, err
	}
	h.stops = append(h.stops, h.bare.worker.Stop)
	return h, nil
}

// nameTemporal leaves the address as the only TEMPORAL_ setting of this process.
func nameTemporal(address string) error {
	for _, setting := range os.Environ() {
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "TEMPORAL_") {
			if err := os.Unsetenv(name); err != nil {
				return err
			}
		}
	}
	if err := os.Setenv("TEMPORAL_CONFIG_FILE", os.DevNull); err != nil {
		return err
	}
	return os.Setenv("TEMPORAL_ADDRESS", address)
}

func (h *house) stop() {
	for i := len(h.stops) - 1; i >= 0; i-- {
		h.stops[i]()
	}
}

// gates are n assertions that pass.
func gates(n int, every time.Duration, trigger narrative.Trigger) []narrative.AssertionMeta {
	var metas []narrative.AssertionMeta
	for i := range n {
		name := fmt.Sprintf("gate-%03d", i)
		args, _ := json.Marshal(gate{Name: name}) // a string encodes
		metas = append(metas, narrative.AssertionMeta{Meta: narrative.Meta{
			Name: name, Class: gatesClass, Args: args, Every: narrative.Duration(every), Trigger: trigger, Enabled: true,
		}}.WithDefaults())
	}
	return metas
}

// watch makes the house watch these, and waits until each was checked for the first time.
func (h *house) watch(ctx context.Context, metas []narrative.AssertionMeta) error {
	config := narrative.DefaultConfig()
	config.Admins.Email = []string{"ops@example.com"}
	config.Digest.MoreThan = 10_000 // each mail goes out by itself
	manifest := narrative.Manifest{Source: "bench", Config: &config, Assertions: metas}
	if _, err := h.service.Store().Apply(ctx, manifest, time.Now().UTC()); err != nil {
		return err
	}
	before := h.passed.Load()
	if _, err := h.service.Reconcile(ctx); err != nil {
		return err
	}
	return await(ctx, time.Minute, "every gate was checked", func() bool { return h.passed.Load() >= before+int64(len(metas)) })
}

// silent is a log that says nothing.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
