// Package cli is the narrative command: every command of it, one file each.
//
// A program with classes of its own is [Main] with its registry. What a command needs of the world comes in by
// [Process], so that a test can run any command and look at what it printed and how it ended.
//
// A command ends with 0 when it is done, 1 when it failed or what it names is not there, 2 when it was misused (a bad
// flag, environment value, file or URL), and 3 when it checked something and that fails. Errors are one sentence on
// stderr that begins with "narrative: ", but for the mistakes of a file, which are FILE:LINE:COL lines.
package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/service"
)

// Option is a choice made by the program.
type Option func(*program)

// WithEmbedded gives dev its Temporal server. Without it, dev needs TEMPORAL_ADDRESS.
func WithEmbedded(start service.EmbeddedTemporal) Option {
	return func(p *program) { p.embedded = start }
}

// WithStore puts something between the program and its store; see service.Options.WrapStore.
func WithStore(wrap func(narrative.Store) narrative.Store) Option {
	return func(p *program) { p.wrapStore = wrap }
}

// WithVersion sets what version says; the default is what the Go toolchain recorded.
func WithVersion(version string) Option {
	return func(p *program) { p.version = version }
}

// Process is what a command sees of the world.
type Process struct {
	Args           []string // without the program's name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Terminal       bool                // a person is at Stdin and Stderr, and may be asked
	Screen         bool                // a person looks at Stdout
	Name           string              // what the program is called by; default narrative
	Env            func(string) string // the environment; default empty
	Now            func() time.Time    // default time.Now
}

// Main runs the command that the process's arguments name and ends the process. The first SIGINT or SIGTERM ends it in
// order, a second one at once.
func Main(reg *narrative.Registry, options ...Option) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from then on signals do what they do by default
	os.Exit(Run(ctx, reg, Process{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Getenv,
		Terminal: isTerminal(os.Stdin) && isTerminal(os.Stderr), Screen: isTerminal(os.Stdout), Name: calledAs(os.Args[0]),
	}, options...))
}

// Run runs one command and returns its exit code. It ends early, in order, when ctx does.
func Run(ctx context.Context, reg *narrative.Registry, process Process, options ...Option) int {
	p := &program{Process: process, registry: reg, wiring: realWiring()}
	if p.Env == nil {
		p.Env = func(string) string { return "" }
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	for _, o := range options {
		o(p)
	}
	root := p.root()
	root.SetArgs(append([]string{}, p.Args...)) // nil would mean os.Args
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	return p.report(root.ExecuteContext(ctx))
}

// program is one run of the command.
type program struct {
	Process
	registry  *narrative.Registry
	version   string
	embedded  service.EmbeddedTemporal
	wrapStore func(narrative.Store) narrative.Store
	wiring    wiring
	logging   logging
	showing   showing
	every     time.Duration  // between two looks of what watches; default watchEvery
	commands  *regexp.Regexp // in texts, where the program has another name than they say; see called
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   p.binary(),
		Short: "Narrative watches an application's business logic",
		Long: "Narrative checks the assertions of a narrative.yaml on schedule, opens an issue when one fails, carries out\n" +
			"the plan that its diagnostic cases propose, and tells people. Begin with: narrative dev -f narrative.yaml",
		SilenceErrors: true, // report prints them
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: p.name()},
	}
	p.logging.flags(root)
	p.showing.flags(root)
	root.AddCommand(
		p.devCommand(), p.serveCommand(), p.workerCommand(), p.setupCommand(), p.migrateCommand(),
		p.validateCommand(), p.applyCommand(), p.assertionCommand(), p.eventCommand(), p.checkCommand(), p.issueCommand(),
		p.datumCommand(), p.heartbeatCommand(), p.notificationCommand(), p.notifyCommand(), p.routeCommand(), p.doctorCommand(), p.versionCommand(),
		p.keyCommand(), p.configCommand(), p.diffCommand(), p.exportCommand(), p.schemaCommand(),
	)
	p.completions(root)
	p.rename(root)
	return root
}

// does makes a command's RunE of a function: flags that were not given come from the environment, and the function's
// errors are told from cobra's, which are all misuse.
func (p *program) does(run func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := fromEnvironment(cmd, p.Env); err != nil {
			return err
		}
		p.show(cmd)
		return ran(p.repeated(cmd, args, run))
	}
}

// group is a command that only has commands below it.
func group(use, short string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return misused("%s needs a command: one of %s", cmd.CommandPath(), commandNames(cmd))
			}
			return noSuchCommand(cmd, args)
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	c.AddCommand(below...)
	return c
}

// noSuchCommand is for the Args of a command with commands below it: without, cobra takes an unknown one for an
// argument and ends with 0.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return misused("%s has no command %q%s (it has: %s)",
		cmd.CommandPath(), args[0], narrative.DidYouMean(args[0], commandList(cmd)), commandNames(cmd))
}
