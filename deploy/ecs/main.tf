# ghapp on ECS (Fargate) with Aurora PostgreSQL, behind a load balancer with TLS. A sample: give it your
# network, and change what differs. `terraform init && terraform plan`.

terraform {
  required_version = "~> 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { app = "ghapp", cost-center = var.cost_center }
  }
}

locals {
  environment = [
    { name = "GHAPP_APP_ID", value = var.app_id },
    { name = "GHAPP_BASE_URL", value = "https://${var.host}" },
    { name = "HOST", value = "0.0.0.0" },
  ]
  # ECS puts them into the environment of the container, from Secrets Manager.
  secrets = [
    for name, secret in aws_secretsmanager_secret.ghapp : { name = name, valueFrom = secret.arn }
  ]
  container = {
    image                  = var.image
    essential              = true
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    stopTimeout            = 30
    secrets                = local.secrets
    linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = true }
  }
  log_options = {
    awslogs-group         = aws_cloudwatch_log_group.ghapp.name
    awslogs-region        = var.region
    awslogs-stream-prefix = "ghapp"
  }
  # As in the Dockerfile. Without a shell, only this form works.
  health = [
    "CMD", "python", "-c",
    "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)",
  ]
}

# --- secrets: their values are set by hand, so that they are in no state ----------------------------

resource "aws_secretsmanager_secret" "ghapp" {
  for_each = toset([
    "GHAPP_PRIVATE_KEY", "GHAPP_WEBHOOK_SECRET", "GHAPP_SECRET_KEY", "GHAPP_DATABASE_URL",
  ])
  name                    = "ghapp/${each.key}"
  kms_key_id              = aws_kms_key.ghapp.arn
  recovery_window_in_days = 30
}

resource "aws_kms_key" "ghapp" {
  description             = "Secrets, logs and database of ghapp"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
    condition {
      test     = "StringEquals"
      variable = "kms:CallerAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:aws:logs:${var.region}:${data.aws_caller_identity.current.account_id}:log-group:/ecs/ghapp"]
    }
  }
}

# --- database ---------------------------------------------------------------------------------------

resource "aws_db_subnet_group" "ghapp" {
  name       = "ghapp"
  subnet_ids = var.private_subnets
}

resource "aws_rds_cluster" "ghapp" {
  cluster_identifier              = "ghapp"
  engine                          = "aurora-postgresql"
  engine_version                  = "17.5"
  database_name                   = "ghapp"
  master_username                 = "ghapp_admin"
  manage_master_user_password     = true
  db_subnet_group_name            = aws_db_subnet_group.ghapp.name
  vpc_security_group_ids          = [aws_security_group.database.id]
  storage_encrypted               = true
  kms_key_id                      = aws_kms_key.ghapp.arn
  backup_retention_period         = 14
  copy_tags_to_snapshot           = true
  deletion_protection             = true
  skip_final_snapshot             = false
  final_snapshot_identifier       = "ghapp-final"
  enabled_cloudwatch_logs_exports = ["postgresql"]

  serverlessv2_scaling_configuration {
    min_capacity = 0.5
    max_capacity = 4
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Two, in different zones: one takes over from the other.
resource "aws_rds_cluster_instance" "ghapp" { # nfr:ignore IAC-024 idle, two of them cost about 90 USD a month; tagged by the provider
  count                        = 2
  identifier                   = "ghapp-${count.index}"
  cluster_identifier           = aws_rds_cluster.ghapp.id
  engine                       = aws_rds_cluster.ghapp.engine
  engine_version               = aws_rds_cluster.ghapp.engine_version
  instance_class               = "db.serverless"
  publicly_accessible          = false
  performance_insights_enabled = true
}

resource "aws_security_group" "database" {
  name        = "ghapp-database"
  description = "PostgreSQL, from ghapp alone"
  vpc_id      = var.vpc
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  description                  = "PostgreSQL, from ghapp"
  security_group_id            = aws_security_group.database.id
  referenced_security_group_id = aws_security_group.ghapp.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

# --- web and workers --------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "ghapp" {
  name              = "/ecs/ghapp"
  retention_in_days = 90
  kms_key_id        = aws_kms_key.ghapp.arn
}

resource "aws_ecs_cluster" "ghapp" {
  name = "ghapp"
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "ghapp" {
  for_each = {
    web    = { command = ["serve", "--no-worker"], port = "8000" }
    worker = { command = ["work", "--metrics-port", "9100"], port = "9100" }
  }
  family                   = "ghapp-${each.key}"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.start.arn

  container_definitions = jsonencode([merge(local.container, {
    name             = each.key
    command          = each.value.command
    portMappings     = [{ containerPort = tonumber(each.value.port) }]
    environment      = concat(local.environment, [{ name = "PORT", value = each.value.port }])
    healthCheck      = { command = local.health, interval = 15, timeout = 5, retries = 3, startPeriod = 30 }
    logConfiguration = { logDriver = "awslogs", options = local.log_options }
  })])
}

resource "aws_ecs_service" "web" {
  name                               = "web"
  cluster                            = aws_ecs_cluster.ghapp.id
  task_definition                    = aws_ecs_task_definition.ghapp["web"].arn
  launch_type                        = "FARGATE"
  desired_count                      = 2
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  network_configuration {
    subnets         = var.private_subnets
    security_groups = [aws_security_group.ghapp.id]
  }
  load_balancer {
    target_group_arn = aws_lb_target_group.web.arn
    container_name   = "web"
    container_port   = 8000
  }
}

resource "aws_ecs_service" "worker" {
  name                               = "worker"
  cluster                            = aws_ecs_cluster.ghapp.id
  task_definition                    = aws_ecs_task_definition.ghapp["worker"].arn
  launch_type                        = "FARGATE"
  desired_count                      = 2
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  network_configuration {
    subnets         = var.private_subnets
    security_groups = [aws_security_group.ghapp.id]
  }
}

resource "aws_security_group" "ghapp" {
  name        = "ghapp"
  description = "ghapp, from the load balancer alone"
  vpc_id      = var.vpc
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  description                  = "Deliveries, from the load balancer"
  security_group_id            = aws_security_group.ghapp.id
  referenced_security_group_id = var.load_balancer_security_group
  ip_protocol                  = "tcp"
  from_port                    = 8000
  to_port                      = 8000
}

resource "aws_vpc_security_group_egress_rule" "https" {
  description       = "GitHub and Secrets Manager"
  security_group_id = aws_security_group.ghapp.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "database" {
  description                  = "PostgreSQL"
  security_group_id            = aws_security_group.ghapp.id
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

# --- the way in: a rule on your load balancer, for /webhook alone -------------------------------------

resource "aws_lb_target_group" "web" {
  name_prefix          = "ghapp-"
  vpc_id               = var.vpc
  port                 = 8000
  protocol             = "HTTP"
  target_type          = "ip"
  deregistration_delay = 20

  health_check {
    path     = "/healthz"
    interval = 10
    timeout  = 5
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener_rule" "webhook" {
  listener_arn = var.https_listener

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
  condition {
    host_header { values = [var.host] }
  }
  condition {
    path_pattern { values = ["/webhook"] }
  }
}

# --- what ECS itself may do; ghapp has no rights on AWS -----------------------------------------------

resource "aws_iam_role" "start" {
  name               = "ghapp-start"
  assume_role_policy = data.aws_iam_policy_document.ecs.json
}

data "aws_iam_policy_document" "ecs" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy_attachment" "start" {
  role       = aws_iam_role.start.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_iam_role_policy" "secrets" {
  name   = "secrets"
  role   = aws_iam_role.start.id
  policy = data.aws_iam_policy_document.secrets.json
}

data "aws_iam_policy_document" "secrets" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for secret in aws_secretsmanager_secret.ghapp : secret.arn]
  }
  statement {
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.ghapp.arn]
  }
}

# --- an alarm for the one thing that ghapp cannot repair: deliveries that nobody takes ------------------

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  alarm_name          = "ghapp-web-unhealthy"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  dimensions          = { TargetGroup = aws_lb_target_group.web.arn_suffix, LoadBalancer = var.load_balancer }
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 5
  treat_missing_data  = "breaching"
  alarm_actions       = [var.alarm_topic]
}
