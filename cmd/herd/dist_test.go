package main

import (
	"encoding/base64"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"herd/config"
)

// distFile is a file that is shipped.
func distFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("dist", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkCommand fails unless the words after "herd" are a verb, with flags that it has.
func checkCommand(t *testing.T, words []string) {
	t.Helper()
	cmd, rest, err := newFakeApp(fine).root().Find(words)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err != nil || !cmd.Runnable() {
		t.Errorf("herd %s: %v", strings.Join(words, " "), err)
	}
}

// defaultPorts are those of clients, gossip and HTTP.
func defaultPorts(t *testing.T) [3]string {
	t.Helper()
	c := config.Default()
	var ports [3]string
	for i, addr := range []string{c.Client.Addr, c.Gossip.Addr, c.HTTP.Addr} {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = port
	}
	return ports
}

// The unit runs a verb there is, and does not start again after the exit code of a wrong
// configuration, which a panic must not end with.
func TestUnit(t *testing.T) {
	text := distFile(t, "systemd/herd.service")
	value := func(key string) string {
		t.Helper()
		m := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("the unit has no %s", key)
		}
		return m[1]
	}
	words := strings.Fields(value("ExecStart"))
	if words[0] != "/usr/bin/herd" {
		t.Errorf("it starts %s", words[0])
	}
	checkCommand(t, words[1:])
	for key, want := range map[string]string{
		"Type": "notify", "Restart": "on-failure", "RestartPreventExitStatus": strconv.Itoa(exitUsage), "Environment": "GOTRACEBACK=crash",
	} {
		if got := value(key); got != want {
			t.Errorf("%s=%s, want %s", key, got, want)
		}
	}
	if files, err := strconv.Atoi(value("LimitNOFILE")); err != nil || files < config.Default().Client.MaxConns+spareFiles {
		t.Errorf("LimitNOFILE: %d, %v", files, err)
	}

	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return // the rest is for systemd to say
	}
	out, err := exec.CommandContext(t.Context(), tool, "verify", "--man=no", "--recursive-errors=no", "dist/systemd/herd.service").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "/usr/bin/herd is not executable") { // it is not installed here
			t.Errorf("systemd-analyze: %v: %s", err, line)
		}
	}
}

// The configuration of the package is good, and so is all in it that is commented out.
func TestPackagedConfig(t *testing.T) {
	text := distFile(t, "deb/herd.hcl")
	dir := t.TempDir()
	load := func(name, text string) *config.Loaded {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := config.Load([]string{file}, nil, nil)
		var wrong *config.Error
		if errors.As(err, &wrong) {
			for _, p := range wrong.Problems() { // files that it names are not here
				if !strings.Contains(p.Detail, "no such file") {
					t.Errorf("%s: %s: %s", name, p.Summary, p.Detail)
				}
			}
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		return loaded
	}
	loaded := load("herd.hcl", text)
	if loaded == nil {
		t.FailNow()
	}
	for _, s := range loaded.Settings {
		if strings.Contains(s.Origin, "herd.hcl") && s.Name != "storage.data_dir" {
			t.Errorf("%s is set", s.Name)
		}
	}
	setting := regexp.MustCompile(`(?m)^# ( *[a-z_]+ +(=.*|\{)|\})$`)
	if n := len(setting.FindAllString(text, -1)); n < 15 {
		t.Errorf("%d lines are commented out", n)
	}
	load("all.hcl", setting.ReplaceAllString(text, "$1"))
}

// What the Dockerfile copies is there and is not ignored; what it runs is a verb; it says the
// ports and is nobody's root.
func TestDockerfile(t *testing.T) {
	var allowed []string
	for line := range strings.Lines(distFile(t, "docker/Dockerfile.dockerignore")) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			allowed = append(allowed, name)
		}
	}
	lines := map[string][]string{}
	for line := range strings.Lines(distFile(t, "docker/Dockerfile")) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		lines[word] = append(lines[word], rest)
	}
	for _, args := range lines["COPY"] {
		words := strings.Fields(args)
		if strings.HasPrefix(words[0], "--from=") {
			continue
		}
		for _, name := range words[:len(words)-1] {
			if _, err := os.Stat(filepath.Join(root, name)); err != nil || !slices.Contains(allowed, name) {
				t.Errorf("it copies %s, which is not there, or is ignored", name)
			}
		}
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if v := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod); lines["FROM"][0] != "golang:"+string(v[1])+" AS build" || lines["FROM"][1] != "scratch" {
		t.Errorf("it is from %q, and go.mod is of Go %s", lines["FROM"], v[1])
	}
	p := defaultPorts(t)
	if got, want := lines["EXPOSE"][0], p[0]+"/tcp "+p[1]+"/tcp "+p[1]+"/udp "+p[2]+"/tcp"; got != want {
		t.Errorf("it exposes %s, want %s", got, want)
	}
	if user := lines["USER"][0]; !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("its user is %s: Kubernetes can't tell that this is not root", user)
	}
	quoted := regexp.MustCompile(`"([^"]*)"`)
	if got := lines["ENTRYPOINT"][0]; got != `["/usr/bin/herd"]` {
		t.Errorf("it runs %s", got)
	}
	for what, skip := range map[string]int{"CMD": 0, "HEALTHCHECK": 1} {
		var words []string
		for _, m := range quoted.FindAllStringSubmatch(lines[what][0], -1)[skip:] {
			words = append(words, m[1])
		}
		checkCommand(t, words)
	}
}

// manifest is what is looked at of one for Kubernetes.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		ClusterIP                string `yaml:"clusterIP"`
		PublishNotReadyAddresses bool   `yaml:"publishNotReadyAddresses"`
		ServiceName              string `yaml:"serviceName"`
		Selector                 map[string]any
		Ports                    []struct{ Port int }
		Template                 struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				Grace           int `yaml:"terminationGracePeriodSeconds"`
				SecurityContext struct {
					RunAsUser int `yaml:"runAsUser"`
					FSGroup   int `yaml:"fsGroup"`
				} `yaml:"securityContext"`
				Containers []struct {
					Args  []string
					Env   []struct{ Name, Value string }
					Ports []struct {
						Name          string
						ContainerPort int `yaml:"containerPort"`
					}
					LivenessProbe  probe `yaml:"livenessProbe"`
					ReadinessProbe probe `yaml:"readinessProbe"`
					VolumeMounts   []struct {
						Name      string
						MountPath string `yaml:"mountPath"`
					} `yaml:"volumeMounts"`
				}
				Volumes []struct {
					Name   string
					Secret struct {
						DefaultMode int `yaml:"defaultMode"`
					}
				}
			}
		}
		VolumeClaimTemplates []struct{ Metadata struct{ Name string } } `yaml:"volumeClaimTemplates"`
	}
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// The key of the package's example is where the unit lets the node write, which it does when the
// herd changes its key.
func TestKeyIsWritable(t *testing.T) {
	states := allOf(`StateDirectory=(\S+)\n`, distFile(t, "systemd/herd.service"))
	keys := allOf(`key_file = "(.*/gossip.key)"`, distFile(t, "deb/herd.hcl"))
	if len(states) != 1 || len(keys) != 1 || filepath.Dir(keys[0]) != "/var/lib/"+states[0] {
		t.Errorf("the keys are %q, the folder is %q", keys, states)
	}
}

// The example for Kubernetes starts a node with settings that there are, finds the others
// before they are ready, and asks for what a node answers.
func TestKubernetes(t *testing.T) {
	all := map[string]manifest{}
	for d := yaml.NewDecoder(strings.NewReader(distFile(t, "kubernetes/herd.yaml"))); ; {
		var m manifest
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all[m.Kind+" "+m.Metadata.Name] = m
	}
	set := all["StatefulSet herd"].Spec
	pod := set.Template.Spec
	if len(pod.Containers) != 1 {
		t.Fatalf("%d containers", len(pod.Containers))
	}
	node := pod.Containers[0]
	checkCommand(t, node.Args)

	var environ []string
	for _, e := range node.Env {
		if !strings.HasPrefix(e.Name, "HERD_") {
			continue
		}
		if !slices.ContainsFunc(config.Fields(), func(f config.Field) bool { return f.Env == e.Name }) {
			t.Errorf("%s is the variable of no setting", e.Name)
		}
		value := strings.ReplaceAll(e.Value, "$(POD_IP)", "2001:db8::1")
		if strings.HasPrefix(value, "/etc/herd/") { // any key is good as a token
			value = filepath.Join(t.TempDir(), "secret")
			if err := writeKey(value, base64.StdEncoding.EncodeToString(newKey())); err != nil {
				t.Fatal(err)
			}
		}
		environ = append(environ, e.Name+"="+value)
	}
	loaded, err := config.Load(nil, environ, nil)
	if err != nil {
		t.Fatal(err)
	}

	if at := loaded.Config.Gossip.AdvertiseAddr; at != "[2001:db8::1]:0" { // port 0 is the bound one
		t.Errorf("a pod says that it is at %s", at)
	}

	gossip := all["Service "+set.ServiceName].Spec
	p := defaultPorts(t)
	if gossip.ClusterIP != "None" || !gossip.PublishNotReadyAddresses || !slices.Equal(loaded.Config.Gossip.Join, []string{set.ServiceName + ":" + p[1]}) {
		t.Errorf("nodes join %q by %+v", loaded.Config.Gossip.Join, gossip)
	}
	labels := set.Template.Metadata.Labels
	for name, m := range all {
		for key, value := range m.Spec.Selector {
			if match, ok := value.(map[string]any); ok {
				key, value = "app", match["app"]
			}
			if labels[key] != value {
				t.Errorf("%s is about pods with %s %v", name, key, value)
			}
		}
	}
	var ports []string
	for _, port := range node.Ports {
		ports = append(ports, strconv.Itoa(port.ContainerPort))
	}
	if !slices.Equal(ports, []string{p[0], p[1], p[1], p[2]}) {
		t.Errorf("ports %s, want %s", ports, p)
	}
	if l, r := node.LivenessProbe.HTTPGet, node.ReadinessProbe.HTTPGet; l.Path != "/livez" || r.Path != "/readyz" || l.Port != "http" || r.Port != "http" {
		t.Errorf("it asks for %+v and %+v", l, r)
	}
	if pod.Grace < 30 || pod.SecurityContext.RunAsUser == 0 || pod.SecurityContext.FSGroup == 0 || pod.Volumes[0].Secret.DefaultMode != 0o400 {
		t.Errorf("%+v", pod)
	}
	volumes := []string{pod.Volumes[0].Name, set.VolumeClaimTemplates[0].Metadata.Name}
	for _, m := range node.VolumeMounts {
		if !slices.Contains(volumes, m.Name) {
			t.Errorf("%s is mounted, which is not there", m.Name)
		}
	}
	if loaded.Config.Storage.DataDir != node.VolumeMounts[1].MountPath {
		t.Errorf("data is in %s, and the volume at %s", loaded.Config.Storage.DataDir, node.VolumeMounts[1].MountPath)
	}
}
