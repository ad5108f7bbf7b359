"""Another application, whose rows refer to users."""
from django.conf import settings
from django.db import models


class Order(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    item = models.CharField(max_length=80)

    class Meta:
        permissions = [("refund_order", "Can refund an order")]
