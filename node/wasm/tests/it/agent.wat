;; The world of proto/wit/agent.wit around a guest whose data and `handle` the tests put in.
(component
  (import "ecumene:agent/types@1.0.0" (instance $types
    (type $role-t (enum "user" "agent"))
    (export "role" (type $role (eq $role-t)))
    (type $content-t (variant (case "text" string) (case "data" string) (case "raw" (list u8)) (case "url" string)))
    (export "content" (type $content (eq $content-t)))
    (type $part-t (record
      (field "content" $content) (field "media-type" (option string))
      (field "filename" (option string)) (field "metadata-json" (option string))))
    (export "part" (type $part (eq $part-t)))
    (type $message-t (record
      (field "message-id" string) (field "context-id" string) (field "task-id" string)
      (field "role" $role) (field "parts" (list $part)) (field "metadata-json" (option string))
      (field "extensions" (list string)) (field "reference-task-ids" (list string))))
    (export "message" (type $message (eq $message-t)))
    (type $status-t (record (field "text" (option string))))
    (export "status-update" (type $status (eq $status-t)))
    (type $chunk-t (record
      (field "artifact-id" string) (field "name" (option string)) (field "description" (option string))
      (field "parts" (list $part)) (field "append" bool) (field "last-chunk" bool)))
    (export "artifact-chunk" (type $chunk (eq $chunk-t)))
    (type $event-t (variant (case "status" $status) (case "artifact" $chunk)))
    (export "event" (type $event (eq $event-t)))
    (type $outcome-t (variant (case "completed" (list $part)) (case "input-required" (list $part)) (case "rejected" string)))
    (export "outcome" (type $outcome (eq $outcome-t)))
    (type $failure-t (record (field "code" string) (field "message" string)))
    (export "failure" (type $failure (eq $failure-t)))))
  (alias export $types "event" (type $event))
  (alias export $types "message" (type $message))
  (alias export $types "outcome" (type $outcome))
  (alias export $types "failure" (type $failure))
  (import "ecumene:agent/events@1.0.0" (instance $events
    (export "event" (type $e (eq $event)))
    (export "emit" (func (param "event" $e)))
    (export "cancelled" (func (result bool)))
    ;; NEWER EXPORTS
    ))

  (core module $libc
    (memory (export "memory") 2)
    (global $free (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $at) (local.get 3)))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (core func $emit (canon lower (func $events "emit") (memory (core memory $libc "memory")) string-encoding=utf8))
  (core func $cancelled (canon lower (func $events "cancelled")))
  ;; NEWER FUNCTIONS

  (core module $guest
    (import "libc" "memory" (memory 2))
    (import "host" "emit" (func $emit (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "cancelled" (func $cancelled (result i32)))
    ;; NEWER IMPORTS
    (func $status (param $has i32) (param $at i32) (param $len i32)
      (call $emit (i32.const 0) (local.get $has) (local.get $at) (local.get $len)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
    (data (i32.const 4088) "out")
    (func $artifact (param $parts i32) (param $count i32)
      (call $named (i32.const 3) (local.get $parts) (local.get $count)))
    (func $named (param $id-len i32) (param $parts i32) (param $count i32)
      (call $emit (i32.const 1) (i32.const 4088) (local.get $id-len) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0)
        (local.get $parts) (local.get $count) (i32.const 0) (i32.const 0)))
    ;; DATA
    (func (export "handle")
      (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
      (local $n i32)
      ;; BODY
    ))
  (core instance $guest (instantiate $guest
    (with "libc" (instance $libc))
    (with "host" (instance (export "emit" (func $emit)) (export "cancelled" (func $cancelled))
      ;; NEWER ARGUMENTS
      ))))
  (func (export "handle") (param "input" $message) (result (result $outcome (error $failure)))
    (canon lift (core func $guest "handle") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")) string-encoding=utf8)))
