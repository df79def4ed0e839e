package cli

import (
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	narrative "github.com/narrative-go/narrative"
)

// metricsListening is the flag of where the metrics are told by themselves, without a key.
func metricsListening(flags *pflag.FlagSet) *string {
	address := flags.String("metrics-listen", "", "answer /metrics and /healthz on this HOST:PORT besides, and ask for no key; default nowhere")
	orEnv(flags, "metrics-listen", "NARRATIVE_METRICS_LISTEN")
	return address
}

func (p *program) workerCommand() *cobra.Command {
	var queues []string
	c := &cobra.Command{
		Use: "worker", Short: "Make the checks, live the issues, send the mail (needs NARRATIVE_DATABASE_URL and a Temporal)", Args: takes(),
	}
	trigger := triggering(c.Flags())
	c.Flags().StringArrayVar(&queues, "queue", nil, "answer this task queue besides, which metas name; repeatable")
	metrics := metricsListening(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		for _, q := range queues {
			if err := narrative.CheckText(q); err != nil || q == "" || len(q) > 200 {
				return misused("--queue is %q; expected the name of a task queue", q)
			}
		}
		o, err := p.serviceOptions(slog.LevelInfo, *trigger)
		if err != nil {
			return err
		}
		o.Worker, o.Queues, o.MetricsListen = true, queues, *metrics
		return p.serve(cmd.Context(), o, func(s server) {
			o.Logger.Info("working", "queues", append([]string{narrative.TaskQueue, narrative.NotifyTaskQueue}, queues...))
			if address := s.MetricsAddr(); address != "" {
				o.Logger.Info("telling metrics", "url", "http://"+address+"/metrics")
			}
		})
	})
	return c
}
