package tests

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	compose "github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// deployment loads docker-compose.yml as `docker compose` does, in an environment of that alone.
func deployment(t *testing.T, env settings) *types.Project {
	t.Helper()
	var list []string
	for k, v := range env {
		list = append(list, k+"="+v)
	}
	options, err := compose.NewProjectOptions(
		[]string{filepath.Join(repository(t), "docker-compose.yml")}, compose.WithEnv(list),
		compose.WithWorkingDirectory(repository(t)), compose.WithResolvedPaths(true),
	)
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// ours are the services that run the image of the Dockerfile.
func ours(p *types.Project) map[string]types.ServiceConfig {
	found := map[string]types.ServiceConfig{}
	for name, s := range p.Services {
		if s.Build != nil {
			found[name] = s
		}
	}
	return found
}

// oneShot tells whether others wait for the service to have ended.
func oneShot(p *types.Project, name string) bool {
	for _, s := range p.Services {
		if s.DependsOn[name].Condition == types.ServiceConditionCompletedSuccessfully {
			return true
		}
	}
	return false
}

// TestDeploymentIsWhole reads docker-compose.yml for what every deployment has to have.
func TestDeploymentIsWhole(t *testing.T) {
	t.Parallel()
	p := deployment(t, nil)
	var names []string
	for name, s := range p.Services {
		names = append(names, name)
		tag := regexp.MustCompile(`^[a-z/-]+:(\d+\.\d+(\.\d+)?)$`).FindStringSubmatch(s.Image)
		if s.Build == nil && tag == nil {
			t.Errorf("the image of %s is %s; want it pinned to a version", name, s.Image)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes port %s on %q; want 127.0.0.1 alone", name, port.Published, port.HostIP)
			}
		}
		if oneShot(p, name) {
			if !strings.HasPrefix(s.Restart, types.RestartPolicyOnFailure) || s.HealthCheck != nil {
				t.Errorf("%s runs once, but has the restart policy %q and health check %v", name, s.Restart, s.HealthCheck)
			}
			continue
		}
		if s.HealthCheck == nil || len(s.HealthCheck.Test) < 2 || s.HealthCheck.Test[0] != "CMD" || s.HealthCheck.Timeout == nil {
			t.Errorf("%s has no health check with a timeout: %+v", name, s.HealthCheck)
		}
		if s.Restart != types.RestartPolicyUnlessStopped {
			t.Errorf("the restart policy of %s is %q; want unless-stopped", name, s.Restart)
		}
	}
	slices.Sort(names)
	want := []string{"migrate", "postgres", "serve", "setup", "temporal", "temporal-namespace", "temporal-schema", "temporal-ui", "worker"}
	if !slices.Equal(names, want) {
		t.Errorf("the services are %q; want %q", names, want)
	}
	worker := p.Services["worker"]
	if worker.ContainerName != "" || len(worker.Ports) != 0 || worker.Deploy == nil || *worker.Deploy.Replicas < 2 {
		t.Errorf("workers cannot be scaled: container_name %q, ports %v", worker.ContainerName, worker.Ports)
	}
	if v := p.Services["postgres"].Volumes; len(v) != 1 || v[0].Type != types.VolumeTypeVolume {
		t.Errorf("PostgreSQL keeps its data in %+v; want a volume", v)
	}
	for _, name := range []string{"serve", "worker"} {
		for _, before := range []string{"migrate", "setup"} {
			if p.Services[name].DependsOn[before].Condition != types.ServiceConditionCompletedSuccessfully {
				t.Errorf("%s does not wait for %s", name, before)
			}
		}
	}
}

// TestDeploymentSpeaksTheProgramsLanguage holds every command, flag and variable of docker-compose.yml against the
// programs that are to understand them.
func TestDeploymentSpeaksTheProgramsLanguage(t *testing.T) {
	t.Parallel()
	p := deployment(t, nil)
	known := append(literals(t, "NARRATIVE_", "cli", "service"), variables(t, "go.temporal.io/sdk/contrib/envconfig", "*.go", `"(TEMPORAL_[A-Z_]+)"`)...)
	for name, s := range ours(p) {
		for variable := range s.Environment {
			if !slices.Contains(known, variable) {
				t.Errorf("%s sets %s, which the program does not read", name, variable)
			}
		}
		commands := [][]string{s.Command}
		if s.HealthCheck != nil {
			if s.HealthCheck.Test[1] != binaryPath {
				t.Errorf("the health check of %s runs %s, which the image does not have", name, s.HealthCheck.Test[1])
			}
			commands = append(commands, s.HealthCheck.Test[2:])
		}
		for _, args := range commands {
			// --help comes last, so that every flag before it is parsed.
			if out, code := command(t, imageBinary, t.TempDir(), nil, append(slices.Clone(args), "--help")...); code != 0 || !strings.Contains(out, "Usage:") {
				t.Errorf("%s runs %q, which the program does not understand: exit code %d\n%s", name, args, code, out)
			}
		}
	}
	server := variables(t, "go.temporal.io/server", "common/config/config_template_embedded.yaml", `env "([A-Z_]+)"`)
	for service, reads := range map[string][]string{
		"temporal":        server,
		"temporal-schema": variables(t, "go.temporal.io/server", "tools/sql/main.go", `"(SQL_[A-Z_]+)"`),
		"temporal-ui":     variables(t, "github.com/temporalio/ui-server/v2", "config/docker.yaml", `env "([A-Z_]+)"`),
	} {
		for variable := range p.Services[service].Environment {
			if !slices.Contains(reads, variable) {
				t.Errorf("%s sets %s, which its program does not read", service, variable)
			}
		}
	}
	for image, of := range map[string]string{"temporal": "go.temporal.io/server", "temporal-schema": "go.temporal.io/server", "temporal-ui": "github.com/temporalio/ui-server/v2"} {
		_, tag, _ := strings.Cut(p.Services[image].Image, ":")
		if version := goList(t, of, "{{.Version}}"); version != "v"+tag {
			t.Errorf("%s runs version %s; `narrative dev` runs %s, and the tests know no other", image, tag, version)
		}
	}
}

// TestDeploymentIsDocumented looks for every variable that docker-compose.yml lets people set.
func TestDeploymentIsDocumented(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(filepath.Join(repository(t), "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(repository(t), "docs", "deployment.md"))
	if err != nil {
		t.Fatal(err)
	}
	settable := regexp.MustCompile(`\$\{([A-Z_]+)`).FindAllStringSubmatch(string(file), -1)
	if len(settable) == 0 {
		t.Fatal("nothing can be set")
	}
	for _, v := range settable {
		if !strings.Contains(string(page), "`"+v[1]+"`") {
			t.Errorf("docs/deployment.md does not say what %s does", v[1])
		}
	}
}

// literals returns the strings in the source of rooms that are the name of a variable.
func literals(t *testing.T, prefix string, rooms ...string) (found []string) {
	t.Helper()
	for _, room := range rooms {
		files, err := filepath.Glob(filepath.Join(repository(t), room, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no source in %s: %v", room, err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			source, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(source, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					if text, err := strconv.Unquote(l.Value); err == nil && strings.HasPrefix(text, prefix) {
						found = append(found, text)
					}
				}
				return true
			})
		}
	}
	return found
}

// variables returns what a pattern finds in a module's files, its tests left out.
func variables(t *testing.T, module, files, pattern string) (found []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(goList(t, module, "{{.Dir}}"), files))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(content), -1) {
			found = append(found, m[1])
		}
	}
	if len(found) == 0 {
		t.Fatalf("no variable in %s of %s", files, module)
	}
	return found
}

// goList asks the go command about a module.
func goList(t *testing.T, module, format string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", format, module).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}
