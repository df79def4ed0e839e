package devserver

import (
	"strings"
	"testing"

	"go.temporal.io/server/common/log/tag"
)

func TestLogPassesOnWhatMatters(t *testing.T) {
	said := &record{}
	h := newQuietHandler(said.logger().Handler())
	logger := newServerLogger(h)
	speak := func() string {
		before := len(said.String())
		logger.Info("info")
		logger.Warn("warn")
		logger.With(tag.NewStringTag("shard", "1")).Error("error")
		return said.String()[before:]
	}
	if got := speak(); strings.Contains(got, "warn") || !strings.Contains(got, "shard=1") {
		t.Errorf("while running: want the error alone, with its tag, got:\n%s", got)
	}
	h.stop()
	if got := speak(); got != "" {
		t.Errorf("while stopping: want silence, got:\n%s", got)
	}
}

func TestServersDeathIsAnErrorOfStart(t *testing.T) {
	said := &record{}
	start := func() (err error) {
		defer recoverFatal(&err)
		newServerLogger(newQuietHandler(said.logger().Handler())).Fatal("no listener", tag.NewStringTag("address", "here"))
		return nil
	}
	if err := start(); err == nil || !strings.Contains(err.Error(), "no listener [address=here]") {
		t.Errorf("want an error with what the server said, got %v", err)
	}
}
