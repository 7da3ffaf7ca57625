// SPDX-License-Identifier: Apache-2.0

// The same mutation in Go with its standard library only, to measure Keyturn against: typed structs
// of just the fields that are read, digests of the Secrets computed once at start, one hash over the
// references of a Pod, a JSON Patch, one log line and two metrics for each request.
//
//	baseline -ca FILE -secrets FILE
//
// It makes its own certificate, writes it to FILE, prints {"port":N} and serves POST /mutate until it
// is killed.
package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"sort"
	"sync"
	"time"
)

const maxBody = 7 << 20

type review struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Request    request `json:"request"`
}

type request struct {
	UID       string `json:"uid"`
	Operation string `json:"operation"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	DryRun    bool   `json:"dryRun"`
	Kind      struct {
		Group, Version, Kind string
	} `json:"kind"`
	UserInfo struct {
		Username string `json:"username"`
	} `json:"userInfo"`
	Object pod `json:"object"`
}

type pod struct {
	Metadata struct {
		GenerateName      string            `json:"generateName"`
		Annotations       map[string]string `json:"annotations"`
		DeletionTimestamp *string           `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		NodeName            string      `json:"nodeName"`
		InitContainers      []container `json:"initContainers"`
		Containers          []container `json:"containers"`
		EphemeralContainers []container `json:"ephemeralContainers"`
		Volumes             []volume    `json:"volumes"`
		ImagePullSecrets    []named     `json:"imagePullSecrets"`
		SchedulingGates     []named     `json:"schedulingGates"`
	} `json:"spec"`
}

type named struct {
	Name string `json:"name"`
}

type keyRef struct {
	Name     string `json:"name"`
	Key      string `json:"key"`
	Optional bool   `json:"optional"`
}

type container struct {
	Name string `json:"name"`
	Env  []struct {
		Name      string `json:"name"`
		ValueFrom *struct {
			SecretKeyRef *keyRef `json:"secretKeyRef"`
		} `json:"valueFrom"`
	} `json:"env"`
	EnvFrom []struct {
		SecretRef *keyRef `json:"secretRef"`
	} `json:"envFrom"`
	VolumeMounts []struct {
		Name    string `json:"name"`
		SubPath string `json:"subPath"`
	} `json:"volumeMounts"`
}

type item struct {
	Key string `json:"key"`
}

type volume struct {
	Name   string `json:"name"`
	Secret *struct {
		SecretName string `json:"secretName"`
		Items      []item `json:"items"`
	} `json:"secret"`
	Projected *struct {
		Sources []struct {
			Secret *struct {
				Name  string `json:"name"`
				Items []item `json:"items"`
			} `json:"secret"`
		} `json:"sources"`
	} `json:"projected"`
}

type patchOp struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

type response struct {
	UID              string            `json:"uid"`
	Allowed          bool              `json:"allowed"`
	Patch            []byte            `json:"patch,omitempty"`
	PatchType        string            `json:"patchType,omitempty"`
	AuditAnnotations map[string]string `json:"auditAnnotations,omitempty"`
}

type answer struct {
	Kind       string   `json:"kind"`
	APIVersion string   `json:"apiVersion"`
	Response   response `json:"response"`
}

// reference is one (Secret, key); an empty key is the whole Secret.
type reference struct {
	secret, key string
	rolls       bool
}

type server struct {
	mutex     sync.RWMutex
	secrets   map[string]map[string][]byte // namespace/name -> key -> digest
	key       []byte
	log       *log.Logger
	metrics   sync.Mutex
	decisions map[string]uint64
	buckets   [16]uint64
}

func containerRefs(list []container, refs []reference) []reference {
	for i := range list {
		for j := range list[i].Env {
			from := list[i].Env[j].ValueFrom
			if from != nil && from.SecretKeyRef != nil {
				refs = append(refs, reference{from.SecretKeyRef.Name, from.SecretKeyRef.Key, true})
			}
		}
		for j := range list[i].EnvFrom {
			if from := list[i].EnvFrom[j].SecretRef; from != nil {
				refs = append(refs, reference{from.Name, "", true})
			}
		}
	}
	return refs
}

func itemRefs(name string, items []item, rolls bool, refs []reference) []reference {
	if len(items) == 0 {
		return append(refs, reference{name, "", rolls})
	}
	for _, each := range items {
		refs = append(refs, reference{name, each.Key, rolls})
	}
	return refs
}

func mountedBySubPath(p *pod, volume string) bool {
	for _, list := range [][]container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range list {
			for _, mount := range list[i].VolumeMounts {
				if mount.Name == volume && mount.SubPath != "" {
					return true
				}
			}
		}
	}
	return false
}

func collect(p *pod) []reference {
	refs := make([]reference, 0, 32)
	refs = containerRefs(p.Spec.InitContainers, refs)
	refs = containerRefs(p.Spec.Containers, refs)
	refs = containerRefs(p.Spec.EphemeralContainers, refs)
	for i := range p.Spec.Volumes {
		v := &p.Spec.Volumes[i]
		if v.Secret != nil {
			refs = itemRefs(v.Secret.SecretName, v.Secret.Items, mountedBySubPath(p, v.Name), refs)
		}
		if v.Projected != nil {
			for _, source := range v.Projected.Sources {
				if source.Secret != nil {
					rolls := mountedBySubPath(p, v.Name)
					refs = itemRefs(source.Secret.Name, source.Secret.Items, rolls, refs)
				}
			}
		}
	}
	return refs
}

func sortUnique(refs []reference) []reference {
	sort.Slice(refs, func(i, j int) bool {
		if refs[i].secret != refs[j].secret {
			return refs[i].secret < refs[j].secret
		}
		return refs[i].key < refs[j].key
	})
	unique := refs[:0]
	for i, each := range refs {
		if i == 0 || each != refs[i-1] {
			unique = append(unique, each)
		}
	}
	return unique
}

func field(out *bytes.Buffer, text string) {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(text)))
	out.Write(length[:])
	out.WriteString(text)
}

func record(out *bytes.Buffer, namespace, secret, key string, digest []byte) {
	out.WriteByte('k')
	field(out, namespace)
	field(out, secret)
	field(out, key)
	out.WriteByte(1)
	out.Write(digest)
}

// hash answers "" when something is missing.
func (s *server) hash(namespace string, refs []reference) string {
	var records bytes.Buffer
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	for _, each := range refs {
		keys, found := s.secrets[namespace+"/"+each.secret]
		if !found {
			return ""
		}
		if !each.rolls {
			continue
		}
		if each.key != "" {
			digest, found := keys[each.key]
			if !found {
				return ""
			}
			record(&records, namespace, each.secret, each.key, digest)
			continue
		}
		names := make([]string, 0, len(keys))
		for name := range keys {
			names = append(names, name)
		}
		sort.Strings(names)
		records.WriteByte('w')
		for _, name := range names {
			record(&records, namespace, each.secret, name, keys[name])
		}
	}
	mac := hmac.New(sha256.New, s.key)
	mac.Write(records.Bytes())
	return "v1-0a1b2c-" + hex.EncodeToString(mac.Sum(nil)[:16])
}

func patchFor(p *pod, hash string) ([]byte, error) {
	const annotation = "keyturn.io/secrets-hash"
	if p.Metadata.Annotations == nil {
		return json.Marshal([]patchOp{{"add", "/metadata/annotations", map[string]string{annotation: hash}}})
	}
	return json.Marshal([]patchOp{{"add", "/metadata/annotations/keyturn.io~1secrets-hash", hash}})
}

func (s *server) count(kind, operation, decision string, took time.Duration) {
	bucket := 0
	for limit := 100 * time.Microsecond; took > limit && bucket < len(s.buckets)-1; limit *= 2 {
		bucket++
	}
	s.metrics.Lock()
	s.decisions[kind+"/"+operation+"/"+decision]++
	s.buckets[bucket]++
	s.metrics.Unlock()
}

type logLine struct {
	Time      string `json:"ts"`
	Level     string `json:"level"`
	Message   string `json:"msg"`
	UID       string `json:"uid"`
	Operation string `json:"operation"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	User      string `json:"user"`
	DryRun    bool   `json:"dry_run"`
	Decision  string `json:"decision"`
	Stamp     string `json:"stamp"`
	Micros    int64  `json:"duration_us"`
}

func (s *server) mutate(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	if r.Method != http.MethodPost {
		http.Error(w, "this method is not served here", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	var in review
	if err := json.Unmarshal(body, &in); err != nil || in.APIVersion != "admission.k8s.io/v1" {
		http.Error(w, "no AdmissionReview v1", http.StatusBadRequest)
		return
	}
	out := answer{Kind: "AdmissionReview", APIVersion: "admission.k8s.io/v1"}
	out.Response = response{UID: in.Request.UID, Allowed: true}
	p := &in.Request.Object
	hash := ""
	if in.Request.Operation == "CREATE" && p.Metadata.DeletionTimestamp == nil {
		hash = s.hash(in.Request.Namespace, sortUnique(collect(p)))
	}
	if hash != "" {
		if out.Response.Patch, err = patchFor(p, hash); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		out.Response.PatchType = "JSONPatch"
		out.Response.AuditAnnotations = map[string]string{"decision": "allow"}
	}
	encoded, err := json.Marshal(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(encoded)))
	_, _ = w.Write(encoded)
	took := time.Since(started)
	s.count(in.Request.Kind.Kind, in.Request.Operation, "allow", took)
	line, _ := json.Marshal(logLine{
		time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "info", "decision", in.Request.UID,
		in.Request.Operation, in.Request.Kind.Kind, in.Request.Namespace, in.Request.Name,
		in.Request.UserInfo.Username, in.Request.DryRun, "allow", hash, took.Microseconds(),
	})
	s.log.Print(string(line))
}

func loadSecrets(path string, key []byte) map[string]map[string][]byte {
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	var list struct {
		Items []struct {
			Metadata struct{ Namespace, Name string }
			Data     map[string]string
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		log.Fatal(err)
	}
	secrets := map[string]map[string][]byte{}
	for _, each := range list.Items {
		digests := map[string][]byte{}
		for name, encoded := range each.Data {
			value, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				log.Fatal(err)
			}
			mac := hmac.New(sha256.New, key)
			mac.Write(value)
			digests[name] = mac.Sum(nil)
		}
		secrets[each.Metadata.Namespace+"/"+each.Metadata.Name] = digests
	}
	return secrets
}

func makeCertificate(caFile string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "localhost"},
		DNSNames:              []string{"localhost"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(caFile, encoded, 0o600); err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func main() {
	caFile := flag.String("ca", "", "where to write the certificate")
	secretsFile := flag.String("secrets", "", "List of core/v1 Secrets")
	flag.Parse()
	nowhere, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
	if err != nil {
		log.Fatal(err)
	}
	key := bytes.Repeat([]byte{7}, 32)
	s := &server{
		secrets:   loadSecrets(*secretsFile, key),
		key:       key,
		log:       log.New(nowhere, "", 0),
		decisions: map[string]uint64{},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/mutate", s.mutate)
	web := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       180 * time.Second,
		// HTTP/1.1 only, as the API server speaks it to webhooks.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		TLSConfig: &tls.Config{
			MinVersion:   tls.VersionTLS12,
			NextProtos:   []string{"http/1.1"},
			Certificates: []tls.Certificate{makeCertificate(*caFile)},
		},
	}
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(web.ServeTLS(listener, "", ""))
}
