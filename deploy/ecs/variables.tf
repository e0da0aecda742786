variable "region" {
  type = string
}

variable "cost_center" {
  type = string
}

variable "image" {
  description = "The image of the Dockerfile in your registry, with a version, such as OWNER/ghapp:0.1.0"
  type        = string
}

variable "app_id" {
  description = "The App's id, from its settings page on GitHub"
  type        = string
}

variable "host" {
  description = "The host name under which GitHub reaches ghapp"
  type        = string
}

variable "vpc" {
  type = string
}

variable "private_subnets" {
  description = "In two zones at least, with a way to GitHub"
  type        = list(string)
}

variable "load_balancer" {
  description = "The suffix of the ARN of your application load balancer, app/NAME/ID"
  type        = string
}

variable "load_balancer_security_group" {
  type = string
}

variable "https_listener" {
  description = "The ARN of its listener on 443, whose default answer is 404"
  type        = string
}

variable "alarm_topic" {
  description = "The ARN of the SNS topic that wakes somebody"
  type        = string
}
